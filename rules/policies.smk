rule train_policy_sft:
    message:
        "Policy SFT: {wildcards.policy}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        base=lambda wildcards: base_of(CONFIG.policies[wildcards.policy].base),
        launch=lambda wildcards: launch_of(CONFIG.policies[wildcards.policy]),
    output:
        f"{RESULTS}/policies/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_policy_sft.py"),
        config=lambda wildcards: part(sections.train_policy(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/policies/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/policies/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, entries.SFTPolicy),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_policy_sft.py --config {params.config:q} --preferences {input.preferences}"
        " --base {input.base} --seed {wildcards.seed} --launch {input.launch} --output {output} > {log} 2>&1"


rule train_policy_grpo:
    message:
        "Policy GRPO: {wildcards.policy}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: start_of("policies", CONFIG.policies, wildcards.policy, wildcards.seed),
        judge=lambda wildcards: judges_asked(wildcards.policy, wildcards.seed),
        verifier=lambda wildcards: verifier_model(sections.policy_verifier(CONFIG, wildcards.policy)),
        launch=lambda wildcards: launch_of(CONFIG.policies[wildcards.policy]),
    output:
        f"{RESULTS}/policies/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_policy_grpo.py"),
        config=lambda wildcards: part(sections.train_policy(CONFIG, wildcards.policy)),
        endpoint=lambda wildcards, output: part(sections.policy_endpoints(CONFIG, wildcards.policy)),
        answers=ANSWERS,
        serving=serving(),
    log:
        f"{LOGS}/policies/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/policies/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, entries.GRPOPolicy),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_policy_grpo.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --judge {input.judge} --verifier {input.verifier} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --launch {input.launch} --output {output} > {log} 2>&1"


rule read_stories:
    message:
        "Stories of {wildcards.policy} from a file, beside seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        stories=lambda wildcards: str(CONFIG.policies[wildcards.policy].stories),
    output:
        f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("read_stories.py"),
        config=lambda wildcards: part(sections.external_stories(wildcards.policy)),
    log:
        f"{LOGS}/stories/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/stories/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, entries.ExternalPolicy),
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/read_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories:q} --seed {wildcards.seed} --output {output} > {log} 2>&1"


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
        config=lambda wildcards: part(sections.stories(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/stories/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/stories/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, entries.SFTPolicy, entries.GRPOPolicy, entries.BasePolicy),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/sample_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule judge_matches:
    message:
        "Matches between policies of seed {wildcards.seed}, judged by {wildcards.judge}"
    input:
        preferences=PREFERENCES,
        stories=expand(
            f"{RESULTS}/stories/{{policy}}/seed{{{{seed}}}}/manifest.json",
            policy=CONFIG.tables.win_rates.rows,
        ),
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/matches/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_matches.py"),
        config=lambda wildcards: part(sections.matches(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
    log:
        f"{LOGS}/matches/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/matches/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_matches.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"


rule judge_groups:
    message:
        "Groups of stories of seed {wildcards.seed}, every pair judged by {wildcards.judge}"
    input:
        preferences=PREFERENCES,
        policy=lambda wildcards: policy_model(CONFIG.tables.pivots.policy, wildcards.seed),
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/groups/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_groups.py"),
        config=lambda wildcards: part(sections.groups(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
    log:
        f"{LOGS}/groups/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/groups/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_groups.py --config {params.config:q} --preferences {input.preferences}"
        " --policy {input.policy} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"
