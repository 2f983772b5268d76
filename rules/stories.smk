rule sample_stories:
    message:
        "Stories of {wildcards.policy}, seed {wildcards.seed}, for held-out contexts"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: policy_model(wildcards.policy, wildcards.seed),
    output:
        f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("sample_stories.py"),
        config=lambda wildcards: part(stage_configs.stories(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/stories/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/stories/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, SFTPolicyConfig, GRPOPolicyConfig, BasePolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/sample_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule import_stories:
    message:
        "Stories of {wildcards.policy} from a file, beside seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        stories=lambda wildcards: str(CONFIG.policies[wildcards.policy].stories),
    output:
        f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("import_stories.py"),
        config=lambda wildcards: part(stage_configs.external_stories(wildcards.policy)),
    log:
        f"{LOGS}/stories/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/stories/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, ExternalPolicyConfig),
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/import_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories:q} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule sample_responses:
    message:
        "Answers of {wildcards.policy}, seed {wildcards.seed}, to prompts with instructions"
    input:
        prompts=lambda _: str(CONFIG.tables.ifeval.prompts),
        model=lambda wildcards: policy_model(wildcards.policy, wildcards.seed),
    output:
        f"{RESULTS}/responses/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("sample_responses.py"),
        config=lambda wildcards: part(stage_configs.responses(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/responses/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/responses/{{policy}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/sample_responses.py --config {params.config:q} --prompts {input.prompts:q}"
        " --model {input.model} --seed {wildcards.seed} --output {output} > {log} 2>&1"
