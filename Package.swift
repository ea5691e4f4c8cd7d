// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "daruma",
  // Of traits that nothing here needs there are none: SwiftPM orders several of them anew each time that it plans, and what
  // is above them would be compiled anew with it.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    // Threads free what others allocated: the ledger's rows go from the draft to who drops the last snapshot.
    .target(name: "CHeap", linkerSettings: [.linkedLibrary("tcmalloc_minimal")]),
    .systemLibrary(name: "CProcessor"),
    .systemLibrary(name: "CLibvirt", pkgConfig: "libvirt", providers: [.apt(["libvirt-dev"])]),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .target(name: "Addresses"),
    .target(name: "CloudModel", dependencies: ["Addresses", "CProcessor"]),
    .target(
      name: "Ledger",
      dependencies: [
        "Addresses", "CPostgres", "CloudModel",
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "_CryptoExtras", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "NodePlan",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
      ]),
    .target(name: "Planning", dependencies: ["Addresses", "CloudModel", "NodePlan"]),
    .target(
      name: "Control",
      dependencies: [
        "Addresses", "CLinux", "CloudModel", "Ledger", "NodePlan", "Planning",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "_CryptoExtras", package: "swift-crypto"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    .target(
      name: "CloudStackAPI",
      dependencies: [
        "Addresses", "CloudModel", "Control", "Ledger", "NodePlan", "Planning",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ]),
    .target(name: "Prometheus", dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")]),
    .target(
      name: "StatusPage",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(name: "Kernel", dependencies: ["Addresses", "CLinux"]),
    .target(
      name: "Dataplane",
      dependencies: ["Addresses", "Kernel", "NodePlan", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "Hypervisor",
      dependencies: ["Addresses", "CLibvirt", "Kernel", "NodePlan", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "Agent",
      dependencies: [
        "Addresses", "Dataplane", "Hypervisor", "Kernel", "NodePlan",
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "daruma",
      dependencies: [
        "Addresses", "Agent", "CHeap", "CLinux", "CloudModel", "CloudStackAPI", "Control", "Dataplane", "Hypervisor",
        "Kernel", "Ledger", "NodePlan", "Planning", "Prometheus", "StatusPage",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .testTarget(
      name: "LedgerTests",
      dependencies: [
        "Ledger", "CloudModel", "Addresses", .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DataplaneTests",
      dependencies: ["Addresses", "Dataplane", "Kernel", "NodePlan", .product(name: "Logging", package: "swift-log")],
      exclude: ["Goldens"]),
    .testTarget(name: "HypervisorTests", dependencies: ["Hypervisor"], exclude: ["Goldens"]),
    .testTarget(name: "KernelTests", dependencies: ["Addresses", "Kernel"]),
    .testTarget(
      name: "AgentTests",
      dependencies: ["Addresses", "Agent", "Control", "Dataplane", "Hypervisor", "Kernel", "NodePlan"]),
    .testTarget(
      name: "ControlTests",
      dependencies: [
        "Addresses", "CloudModel", "Control", "Ledger", "NodePlan", .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(
      name: "PrometheusTests",
      dependencies: ["Prometheus", .product(name: "CoreMetrics", package: "swift-metrics")]),
    .testTarget(name: "PlanningTests", dependencies: ["Addresses", "CloudModel", "NodePlan", "Planning"]),
    .testTarget(
      name: "CloudStackAPITests",
      dependencies: [
        "Addresses", "CloudModel", "CloudStackAPI", "Control", "Ledger", "NodePlan", "Planning",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "_CryptoExtras", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      exclude: ["Goldens"]),
    .testTarget(
      name: "StatusPageTests", dependencies: ["StatusPage", .product(name: "NIOCore", package: "swift-nio")],
      exclude: ["Goldens"]),
  ]
)

for target in package.targets where target.type != .system {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
  ]
}

// What tests check is optimised, they themselves need not be: that halves the time they take to build.
for target in package.targets where target.type == .test {
  target.swiftSettings?.append(.unsafeFlags(["-Onone"]))
}
