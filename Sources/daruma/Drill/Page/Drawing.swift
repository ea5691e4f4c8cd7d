import Foundation

/// Inline drawings (SVG). Names are markup already.
enum Drawing {
  struct Mark {
    let at: Double
    let name: String
  }

  private static let width = 860.0
  private static let height = 130.0
  private static let left = 44.0
  private static let top = 18.0

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  /// A share, from 0 to 1, over seconds.
  static func area(
    _ points: [(seconds: Double, share: Double)], _ span: ClosedRange<Double>, _ marks: [Mark], name: String,
    isStepped: Bool = false
  ) -> String {
    func x(_ seconds: Double) -> Double {
      let place = (min(max(seconds, span.lowerBound), span.upperBound) - span.lowerBound)
      return left + place / (span.upperBound - span.lowerBound) * (width - left - 8)
    }
    func y(_ share: Double) -> Double { top + (1 - min(max(share, 0), 1)) * (height - top - 22) }
    var path = ""
    var last = 0.0
    for (index, point) in points.enumerated() {
      if index == 0 {
        path = "M\(number(x(point.seconds))) \(number(y(0)))"
      } else if isStepped {
        path += "L\(number(x(point.seconds))) \(number(y(last)))"
      }
      path += "L\(number(x(point.seconds))) \(number(y(point.share)))"
      last = point.share
    }
    if let end = points.last { path += "L\(number(x(end.seconds))) \(number(y(0)))Z" }
    var parts: [String] = []
    for share in [0.0, 0.5, 1] {
      parts.append(line(left, y(share), width - 8, y(share), "grid"))
      parts.append(text(left - 6, y(share) + 4, "\(Int(share * 100)) %", anchor: "end"))
    }
    for tick in ticks(span) {
      parts.append(text(x(tick), height - 4, String(format: tick < 10 ? "%.2g s" : "%.0f s", tick), anchor: "middle"))
    }
    parts.append("<path class=\"curve\" d=\"\(path)\"/>")
    for mark in marks where span.contains(mark.at) {
      parts.append(line(x(mark.at), top, x(mark.at), y(0), "mark"))
    }
    let told = marks.map { "\($0.name) \(String(format: "%.3f s", $0.at))" }.joined(separator: " · ")
    return figure("\(name) <small class=\"note\">\(told)</small>", height, parts)
  }

  private static func ticks(_ span: ClosedRange<Double>) -> [Double] {
    let rough = (span.upperBound - span.lowerBound) / 6
    let power = pow(10, floor(log10(rough)))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    return Array(stride(from: 0, through: span.upperBound, by: step))
  }

  /// Values by powers of ten, the first one being the measure of the others.
  static func bars(_ rows: [(name: String, value: Double)], unit: String = "s") -> String {
    let positive = rows.map(\.value).filter { $0 > 0 }
    guard let least = positive.min(), let most = positive.max() else { return "" }
    let low = floor(log10(least) - 0.3)
    let high = max(low + 1, ceil(log10(most)))
    let bar = 26.0
    var parts: [String] = []
    for (index, row) in rows.enumerated() {
      let y = Double(index) * bar + 6
      let share = row.value > 0 ? (log10(row.value) - low) / (high - low) : 0
      let length = max(2, share * (width - 420))
      parts.append(text(0, y + 13, row.name))
      parts.append(
        "<rect class=\"bar\(index == rows.count - 1 && rows.count == 2 ? " first" : "")\" x=\"300\" y=\"\(number(y))\" width=\"\(number(length))\" height=\"16\"/>"
      )
      parts.append(text(308 + length, y + 13, "\(figure(row.value)) \(unit)"))
    }
    return figure("", Double(rows.count) * bar + 10, parts)
  }

  private static func figure(_ value: Double) -> String {
    value >= 100 ? String(format: "%.0f", value) : String(format: "%.3g", value)
  }

  private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String) -> String {
    "<line class=\"\(kind)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
  }

  /// Spans of several languages are shown by the page's own choice.
  private static func text(_ x: Double, _ y: Double, _ content: String, anchor: String = "start") -> String {
    let inside = content.replacing("<span", with: "<tspan").replacing("</span>", with: "</tspan>")
    return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(inside)</text>"
  }

  private static func figure(_ caption: String, _ height: Double, _ parts: [String]) -> String {
    let heading = caption.isEmpty ? "" : "<figcaption>\(caption)</figcaption>"
    return "<figure>\(heading)<svg viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\">"
      + parts.joined() + "</svg></figure>"
  }
}
