rule verify_stories:
    message:
        "Constraints of the stories of {wildcards.policy}, seed {wildcards.seed}, by the verifier model"
    input:
        preferences=PREFERENCES,
        stories=f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
        model=verifier_model(table_verifier()),
    output:
        f"{RESULTS}/checks/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("verify_stories.py"),
        config=lambda wildcards: part(sections.verified(CONFIG, wildcards.policy)),
        endpoint=lambda wildcards, output: part(sections.verifier_endpoint(CONFIG, table_verifier())),
        answers=f"{ANSWERS}/{table_verifier()}",
    log:
        f"{LOGS}/checks/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/checks/{{policy}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/verify_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"


rule tabulate_constraints:
    message:
        "Table: constraints that the policies keep"
    input:
        preferences=PREFERENCES,
        stories=lambda _: of_seeds(
            "stories", [*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference]
        ),
        matches=lambda _: of_seeds("matches", CONFIG.tables.win_rates.judges[:1]),
        checks=lambda _: of_seeds(
            "checks",
            [*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference] if table_verifier() else [],
        ),
    output:
        manifest=f"{RESULTS}/tables/constraints/manifest.json",
        table=report(
            f"{RESULTS}/tables/constraints/constraints.csv",
            caption="../report/constraints.rst",
            category="Tables",
            labels={"table": "constraints"},
        ),
    params:
        code=code("tabulate_constraints.py"),
        config=lambda _: part(table_sections.constraint_table(CONFIG)),
    log:
        f"{LOGS}/tables/constraints.log",
    benchmark:
        f"{BENCHMARKS}/tables/constraints.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_constraints.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --checks {input.checks} --output {output.manifest} > {log} 2>&1"


rule answer_instructions:
    message:
        "Answers of {wildcards.policy}, seed {wildcards.seed}, to prompts with instructions"
    input:
        prompts=lambda _: str(CONFIG.tables.ifeval.prompts),
        model=lambda wildcards: policy_model(wildcards.policy, wildcards.seed),
    output:
        f"{RESULTS}/responses/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("answer_instructions.py"),
        config=lambda wildcards: part(sections.responses(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/responses/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/responses/{{policy}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/answer_instructions.py --config {params.config:q} --prompts {input.prompts:q}"
        " --model {input.model} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule tabulate_instructions:
    message:
        "Table: instructions that the policies follow"
    input:
        prompts=lambda _: str(CONFIG.tables.ifeval.prompts),
        responses=lambda _: of_seeds("responses", CONFIG.tables.ifeval.rows),
    output:
        manifest=f"{RESULTS}/tables/ifeval/manifest.json",
        table=report(
            f"{RESULTS}/tables/ifeval/ifeval.csv",
            caption="../report/ifeval.rst",
            category="Tables",
            labels={"table": "instruction following"},
        ),
    params:
        code=code("tabulate_instructions.py"),
        config=lambda _: part(table_sections.instruction_table(CONFIG)),
    log:
        f"{LOGS}/tables/ifeval.log",
    benchmark:
        f"{BENCHMARKS}/tables/ifeval.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_instructions.py --config {params.config:q} --prompts {input.prompts:q}"
        " --responses {input.responses} --output {output.manifest} > {log} 2>&1"
