import Glibc

/// What others on this machine see of how this process was started.
enum ProcessList {
  /// Blanks the value of an option.
  static func hide(valueOf option: String) {
    var isNext = false
    for argument in UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc)) {
      guard let argument else { continue }
      let text = String(cString: argument)
      if isNext {
        memset(argument, Int32(UInt8(ascii: "*")), strlen(argument))
      } else if text.hasPrefix(option + "=") {
        memset(argument + option.utf8.count + 1, Int32(UInt8(ascii: "*")), strlen(argument) - option.utf8.count - 1)
      }
      isNext = text == option
    }
  }
}
