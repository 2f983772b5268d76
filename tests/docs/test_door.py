"""What stands at the door: version, license, citation, changelog, hooks and templates agree with the code."""

import re
import subprocess
import tomllib

import pytest
import yaml

from paths import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", CHANGELOG, re.M)
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def numbers(version):
    return [int(part) for part in version.split(".")]


def test_the_changelog_has_its_releases_newest_first():
    versions = [version for version, _ in RELEASES]
    assert versions == sorted(versions, key=numbers, reverse=True)
    assert "0.1.0" in versions
    assert CHANGELOG.index("## [Unreleased]") < CHANGELOG.index(f"## [{versions[0]}]")


def test_all_state_one_version():
    newest, date = RELEASES[0]
    assert newest == VERSION == str(CITATION["version"])
    assert date == str(CITATION["date-released"])
    assert VERSION in README.partition("```")[0]


def test_the_citation_has_what_the_format_requires():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= CITATION.keys()
    assert CITATION["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    for reference in CITATION["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
    urls = {reference["url"] for reference in CITATION["references"]}
    assert urls == {"https://arxiv.org/abs/2601.07149", "https://arxiv.org/abs/2508.18642"}


def test_hooks_have_the_pins_of_the_lock():
    lock = (ROOT / "envs" / "requirements-dev.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, re.M))
    revisions = {}
    for repository in HOOKS:
        name = repository["repo"].rsplit("/", 1)[1].removesuffix("-pre-commit")
        revisions[name] = repository["rev"].removeprefix("v")
    assert set(revisions) == {"ruff", "snakefmt", "codespell"}
    assert {name: pins[name] for name in revisions if name in pins} == {
        name: revision for name, revision in revisions.items() if name != "codespell" or name in pins
    }


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_an_issue_template_is_a_form(template):
    form = yaml.safe_load(template.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    assert all(
        field["type"] in ("input", "textarea") and field["attributes"]["label"] for field in form["body"]
    )


def set_up(*variables):
    """The commands of the set-up of ``make run``, if nothing is there yet."""
    done = subprocess.run(
        ["make", "-nB", "run", *variables], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("uv", "program"), [("/bin/uv", "uv pip install"), ("", "-m pip install")])
def test_uv_sets_up_where_it_is_installed(uv, program):
    commands = set_up(f"UV={uv}", "TORCH_INDEX=")
    assert f"{program}" in commands
    assert "--index-url" not in commands


@pytest.mark.parametrize("uv", ["/bin/uv", ""])
def test_one_variable_names_the_index_of_torch(uv):
    torch, rest = re.findall(r"^.* install .*$", set_up(f"UV={uv}", "TORCH_INDEX=https://a/cpu"), re.M)
    assert re.search(r"--index-url https://a/cpu torch==[\d.]+$", torch)  # first, so that the rest has it
    assert rest.endswith("--requirement envs/requirements.txt")


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200


def test_there_are_templates():
    assert [path.stem for path in TEMPLATES] == ["bug_report", "feature_request"]
    assert (ROOT / ".github" / "pull_request_template.md").exists()


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", CONTRIBUTING, re.M))
def test_make_knows_the_targets(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(((?!http|#)[^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


# the paths of docs/architecture.md are those of the library: test_architecture.py has them
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem != "architecture"], ids=lambda path: path.stem
)
def test_named_paths_are_there(page):
    text = page.read_text(encoding="utf-8")
    folders = "config|docs|envs|profiles|report|rules|slurm|tests|workflow_scripts"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", text):
        assert (ROOT / path).exists() or path == "config/mine.yaml", path  # the reader's own file
    for path in re.findall(r"`(rlcs/[\w./-]+)`", text):
        assert (ROOT / "workflow_scripts" / path).exists(), path
