"""Rows of figures: ours, the floor's and the peers', each with its least, middle and greatest value."""
import statistics


def summary(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values), "count": len(values)}


class Row:
    """One line of the table. `must` and `aim` are ratios to the floor, or limits in the row's unit."""

    def __init__(self, name, unit, size, must=None, aim=None, note=None):
        self.name, self.unit, self.size, self.must, self.aim, self.note = name, unit, size, must, aim, note
        self.ours, self.floor, self.peers, self.parts, self.missing = [], [], {}, {}, {}

    def peer(self, name, value):
        self.peers.setdefault(name, []).append(value)

    def part(self, name, value):
        """A value that ours comes from, in a unit of its own."""
        self.parts.setdefault(name, []).append(value)

    def lacks(self, name, why):
        self.missing[name] = why

    def ratio(self):
        if not self.ours or not self.floor:
            return None
        return round(statistics.median(self.ours) / statistics.median(self.floor), 3)

    def document(self):
        peers = {name: summary(values) for name, values in self.peers.items()}
        missing = {name: why for name, why in self.missing.items() if name not in peers}
        return {
            "name": self.name, "unit": self.unit, "size": self.size, "must": self.must, "aim": self.aim,
            "note": self.note, "ours": summary(self.ours) if self.ours else None,
            "floor": summary(self.floor) if self.floor else None, "ours_to_floor": self.ratio(), "peers": peers,
            "parts": {name: summary(values) for name, values in self.parts.items()}, "missing": missing,
        }

    def line(self):
        def text(values):
            return f"{statistics.median(values):.6g}" if values else "–"

        peers = ", ".join(f"{name} {text(values)}" for name, values in self.peers.items())
        return (f"{self.name} ({self.size}) [{self.unit}]: ours {text(self.ours)}, floor {text(self.floor)}, "
                f"ratio {self.ratio() or '–'}{'; ' + peers if peers else ''}")
