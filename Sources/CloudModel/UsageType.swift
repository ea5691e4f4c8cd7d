/// What customers use that can have a price. Numbers and names are CloudStack's.
package struct UsageType: Hashable, Sendable {
  package let number: Int
  package let name: String
  package let unit: String
  package let description: String

  private init(_ number: Int, _ name: String, _ unit: String, _ description: String) {
    self.number = number
    self.name = name
    self.unit = unit
    self.description = description
  }

  package static let all: [UsageType] = [
    UsageType(1, "RUNNING_VM", "Compute-Month", "Running Vm Usage"),
    UsageType(2, "ALLOCATED_VM", "Compute-Month", "Allocated Vm Usage"),
    UsageType(3, "IP_ADDRESS", "IP-Month", "IP Address Usage"),
    UsageType(4, "NETWORK_BYTES_SENT", "GB", "Network Usage (Bytes Sent)"),
    UsageType(5, "NETWORK_BYTES_RECEIVED", "GB", "Network Usage (Bytes Received)"),
    UsageType(6, "VOLUME", "GB-Month", "Volume Usage"),
    UsageType(7, "TEMPLATE", "GB-Month", "Template Usage"),
    UsageType(8, "ISO", "GB-Month", "ISO Usage"),
    UsageType(9, "SNAPSHOT", "GB-Month", "Snapshot Usage"),
    UsageType(10, "SECURITY_GROUP", "Policy-Month", "Security Group Usage"),
    UsageType(11, "LOAD_BALANCER_POLICY", "Policy-Month", "Load Balancer Usage"),
    UsageType(12, "PORT_FORWARDING_RULE", "Policy-Month", "Port Forwarding Usage"),
    UsageType(13, "NETWORK_OFFERING", "Policy-Month", "Network Offering Usage"),
    UsageType(14, "VPN_USERS", "Policy-Month", "VPN users usage"),
    UsageType(21, "VM_DISK_IO_READ", "IOPS", "VM Disk usage(I/O Read)"),
    UsageType(22, "VM_DISK_IO_WRITE", "IOPS", "VM Disk usage(I/O Write)"),
    UsageType(23, "VM_DISK_BYTES_READ", "Bytes", "VM Disk usage(Bytes Read)"),
    UsageType(24, "VM_DISK_BYTES_WRITE", "Bytes", "VM Disk usage(Bytes Write)"),
    UsageType(25, "VM_SNAPSHOT", "GB-Month", "VM Snapshot storage usage"),
    UsageType(26, "VOLUME_SECONDARY", "GB-Month", "Volume secondary storage usage"),
    UsageType(27, "VM_SNAPSHOT_ON_PRIMARY", "GB-Month", "VM Snapshot primary storage usage"),
    UsageType(28, "BACKUP", "GB-Month", "Backup storage usage"),
    UsageType(29, "BUCKET", "GB-Month", "Object Store bucket usage"),
    UsageType(30, "NETWORK", "Compute-Month", "Network usage"),
    UsageType(31, "VPC", "Compute-Month", "VPC usage"),
  ]

  package static func numbered(_ number: Int) -> UsageType? { all.first { $0.number == number } }
}
