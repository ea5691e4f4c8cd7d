/// Renders a machine as libvirt's domain XML.
package enum DomainXML {
  package static func render(_ machine: Machine) -> String {
    let (type, cpu) =
      switch machine.accelerator {
      case .kvm: ("kvm", "host-passthrough")
      // Emulating the newest processor costs start-up time and gives a guest nothing here.
      case .tcg: ("qemu", "custom")
      }
    var xml = """
      <domain type='\(type)'>
        <name>\(escape(machine.name))</name>
        <uuid>\(escape(machine.uuid))</uuid>
        <memory unit='MiB'>\(machine.memoryMiB)</memory>
        <vcpu>\(machine.cpus)</vcpu>
        <os>
          <type arch='x86_64' machine='q35'>hvm</type>
          <kernel>\(escape(machine.kernel))</kernel>
          <initrd>\(escape(machine.initrd))</initrd>
          <cmdline>\(escape(machine.cmdline))</cmdline>
        </os>
        <features>
          <acpi/>
        </features>

      """
    if cpu == "custom" {
      xml += "  <cpu mode='custom' match='exact' check='none'>\n    <model>qemu64</model>\n  </cpu>\n"
    } else {
      xml += "  <cpu mode='\(cpu)'/>\n"
    }
    xml += """
        <on_poweroff>destroy</on_poweroff>
        <on_reboot>restart</on_reboot>
        <on_crash>restart</on_crash>
        <devices>
          <emulator>/usr/bin/qemu-system-x86_64</emulator>
          <controller type='usb' model='none'/>
          <serial type='file'>
            <source path='\(escape(machine.consoleLogPath))' append='on'/>
          </serial>

      """
    for nic in machine.nics {
      xml += """
            <interface type='ethernet'>
              <mac address='\(escape(nic.mac))'/>
              <target dev='\(escape(nic.tap))' managed='no'/>
              <model type='virtio'/>

        """
      if let mtu = nic.mtu { xml += "      <mtu size='\(mtu)'/>\n" }
      xml += "      <rom enabled='no'/>\n    </interface>\n"
    }
    xml += """
          <memballoon model='none'/>
        </devices>
      </domain>

      """
    return xml
  }

  /// Text for element content and for attributes in either quotes. Characters XML cannot carry become U+FFFD.
  static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "'": escaped += "&apos;"
      case "\"": escaped += "&quot;"
      case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
      case "\u{00}"..."\u{1F}", "\u{FFFE}"..."\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
