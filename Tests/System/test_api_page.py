"""docs/api.md and docs/cloudstack.md are what listApis says. DARUMA_REWRITE_GOLDENS=1 rewrites them."""
import os
import re

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/api.md")
# Every command that CloudStack 4.22 has, and how far it goes here.
COMPARISON = os.path.join(os.path.dirname(__file__), "../../docs/cloudstack.md")


def page(apis):
    lines = [
        "# Commands", "",
        "What `listApis` tells the administrator. *job* means that the command answers with a job. Parameters in bold are required.",
        "", "| command | | parameters |", "|---|---|---|"]
    for api in sorted(apis, key=lambda api: api["name"]):
        parameters = ", ".join(
            f"**{p['name']}**" if p["required"] else p["name"]
            for p in sorted(api["params"], key=lambda p: (not p["required"], p["name"])))
        kind = "job" if api["isasync"] else ""
        lines.append(f"| `{api['name']}` {kind} | {api['description']} | {parameters} |")
    return "\n".join(lines) + "\n"


def test_the_page_of_commands_is_current(cloud):
    current = page(cloud.admin.listApis()["api"])
    if os.environ.get("DARUMA_REWRITE_GOLDENS"):
        with open(PAGE, "w") as file:
            file.write(current)
    assert open(PAGE).read() == current


def comparison(known, apis):
    """`known`: the names of CloudStack's commands."""
    groups = {"Works": [], "Works on the Simulator only": [], "Absent": [], "Daruma's own": []}
    here = {api["name"]: api for api in apis}
    for name in known:
        if name not in here and name not in ("login", "logout"):
            groups["Absent"].append(name)
        elif here.get(name, {}).get("simulatoronly"):
            groups["Works on the Simulator only"].append(name)
        else:
            groups["Works"].append(name)
    groups["Daruma's own"] = [name for name in here if name not in known]
    work, simulated, absent = (len(groups[title]) for title in ("Works", "Works on the Simulator only", "Absent"))
    lines = [
        "# CloudStack's commands", "",
        f"Of the {len(known)} commands of CloudStack 4.22, {work} work, {simulated} work on the Simulator only, and {absent} are absent.",
        "What works on the Simulator only answers for instances and",
        "networks that nodes carry that it is not supported (432), and changes nothing. `listApis` says the same as `simulatoronly`.", ""]
    for title, names in groups.items():
        lines += [f"## {title}", "", ", ".join(f"`{name}`" for name in sorted(names)) + ".", ""]
    return "\n".join(line.rstrip() for line in lines)


def test_the_comparison_with_cloudstack_is_current(cloud):
    apis = cloud.admin.listApis()["api"]
    text = open(COMPARISON).read()
    own = text.index("## Daruma's own")
    known = sorted(set(re.findall(r"`(\w+)`", text[text.index("## Works"):own])))
    assert len(known) > 900
    current = comparison(known, apis)
    if os.environ.get("DARUMA_REWRITE_GOLDENS"):
        with open(COMPARISON, "w") as file:
            file.write(current)
    assert text == current
