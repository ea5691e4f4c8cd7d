"""docs/api.md is what listApis says. DARUMA_REWRITE_GOLDENS=1 rewrites it."""
import os

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/api.md")


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
