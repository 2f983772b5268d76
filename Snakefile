from snakemake.utils import min_version

min_version("9.0")

# The tiny run, unless --configfile names another. Given files stand alone: they are not merged into it.
if not workflow.configfiles:

    configfile: "config/tiny.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/judges.smk"
include: "rules/policies.smk"
include: "rules/tables.smk"


report: "report/workflow.rst"


localrules:
    all,
    tables,
    check,


rule all:
    default_target: True
    input:
        TABLES,
        f"{RESULTS}/figures/manifest.json",
        f"{RESULTS}/report/manifest.json",
    message:
        "Everything of the run {CONFIG.run}: tables, figures and the report"


rule tables:
    input:
        TABLES,
    message:
        "All tables of the run {CONFIG.run}"


rule check:
    params:
        config=json.dumps(sections.check(CONFIG), sort_keys=True),
    message:
        "Check the config of the run {CONFIG.run} against the installed TRL"
    shell:
        "python workflow_scripts/check_config.py --config {params.config:q}"
