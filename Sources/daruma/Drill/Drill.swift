import ArgumentParser

struct Drill: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Knock something over on purpose and watch it stand up again.",
    discussion: "A drill uses an account, addresses and a public side of its own and takes them away afterwards.",
    subcommands: [SharedNetworkLoss.self])
}
