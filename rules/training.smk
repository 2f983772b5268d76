rule prepare_base:
    message:
        "Base model {wildcards.base}"
    output:
        f"{RESULTS}/bases/{{base}}/manifest.json",
    params:
        code=code("prepare_base.py"),
        config=lambda wildcards: part(stage_configs.base(CONFIG, wildcards.base)),
    log:
        f"{LOGS}/bases/{{base}}.log",
    benchmark:
        f"{BENCHMARKS}/bases/{{base}}.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/prepare_base.py --config {params.config:q} --output {output} > {log} 2>&1"


rule train_genrm_sft:
    message:
        "GenRM SFT: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        chains=lambda wildcards: chains_of(CONFIG.judges[wildcards.judge]),
        consensus=lambda wildcards: consensus_of(wildcards.judge),
        base=lambda wildcards: base_of(CONFIG.judges[wildcards.judge].base),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        f"{RESULTS}/judges/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_genrm_sft.py"),
        config=lambda wildcards: part(stage_configs.train_judge(CONFIG, wildcards.judge)),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmSFTConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_genrm_sft.py --config {params.config:q} --preferences {input.preferences}"
        " --chains {input.chains} --consensus {input.consensus} --base {input.base} --seed {wildcards.seed}"
        " --launch {input.launch} --output {output} > {log} 2>&1"


rule train_genrm_grpo:
    message:
        "GenRM GRPO: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(wildcards.judge),
        model=lambda wildcards: start_of("judges", CONFIG.judges, wildcards.judge, wildcards.seed),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        f"{RESULTS}/judges/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_genrm_grpo.py"),
        config=lambda wildcards: part(stage_configs.train_judge(CONFIG, wildcards.judge)),
        serving=serving(),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmGRPOConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_genrm_grpo.py --config {params.config:q} --preferences {input.preferences}"
        " --consensus {input.consensus} --model {input.model} --seed {wildcards.seed}"
        " --serving {params.serving:q} --launch {input.launch} --output {output} > {log} 2>&1"


rule train_bradley_terry:
    message:
        "Bradley-Terry reward model: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(wildcards.judge),
        base=lambda wildcards: base_of(CONFIG.judges[wildcards.judge].base),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        f"{RESULTS}/judges/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_bradley_terry.py"),
        config=lambda wildcards: part(stage_configs.train_judge(CONFIG, wildcards.judge)),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, ScalarJudgeConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_bradley_terry.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --base {input.base}"
        " --seed {wildcards.seed} --launch {input.launch} --output {output} > {log} 2>&1"


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
        config=lambda wildcards: part(stage_configs.train_policy(CONFIG, wildcards.policy)),
    log:
        f"{LOGS}/policies/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/policies/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, SFTPolicyConfig),
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
        verifier=lambda wildcards: verifier_model(stage_configs.policy_verifier(CONFIG, wildcards.policy)),
        launch=lambda wildcards: launch_of(CONFIG.policies[wildcards.policy]),
    output:
        f"{RESULTS}/policies/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("train_policy_grpo.py"),
        config=lambda wildcards: part(stage_configs.train_policy(CONFIG, wildcards.policy)),
        endpoint=lambda wildcards, output: part(stage_configs.policy_endpoints(CONFIG, wildcards.policy)),
        answers=ANSWERS,
        serving=serving(),
    log:
        f"{LOGS}/policies/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/policies/{{policy}}/seed{{seed}}.tsv"
    wildcard_constraints:
        policy=names_of(CONFIG.policies, GRPOPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_policy_grpo.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --judge {input.judge} --verifier {input.verifier} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --launch {input.launch} --output {output} > {log} 2>&1"
