rule prepare_base:
    message:
        "Base model {wildcards.base}"
    output:
        artifact("bases/{base}"),
    params:
        code=code("prepare_base.py"),
        config=config_param(stage_configs.base, "base"),
    log:
        log_file("bases/{base}"),
    benchmark:
        benchmark_file("bases/{base}")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/prepare_base.py --config {params.config:q} --output {output} > {log} 2>&1"


rule train_genrm_sft:
    message:
        "GenRM SFT: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        chains=lambda wildcards: chains_of(CONFIG.judges[wildcards.judge]),
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        base=lambda wildcards: base_of(CONFIG.judges[wildcards.judge].base),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        artifact("judges/{judge}/seed{seed}"),
    params:
        code=code("train_genrm_sft.py"),
        config=config_param(stage_configs.train_judge, "judge"),
    log:
        log_file("judges/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("judges/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmSFTConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_genrm_sft.py --config {params.config:q} --preferences {input.preferences}"
        " --chains {input.chains} --consensus {input.consensus} --base {input.base} --seed {wildcards.seed}"
        " --launch {input.launch} --output {output} > {log} 2>&1"


rule write_analyses:
    message:
        "Analyses of the training pairs for {wildcards.judge}, seed {wildcards.seed}, by the judge that it starts from"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        model=lambda wildcards: start_of("judges", CONFIG.judges[wildcards.judge], wildcards.seed),
    output:
        artifact("analyses/{judge}/seed{seed}"),
    params:
        code=code("write_analyses.py"),
        config=config_param(stage_configs.analyses, "judge"),
        endpoint=as_param({}),
        answers=f"{ANSWERS}/analyses/{{judge}}",
        serving=serving_param(),
    log:
        log_file("analyses/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("analyses/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmVerdictsConfig, GenrmProbeConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/write_analyses.py --config {params.config:q} --preferences {input.preferences}"
        " --consensus {input.consensus} --model {input.model} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --output {output} > {log} 2>&1"


rule train_genrm_verdicts:
    message:
        "GenRM verdict SFT: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        analyses=artifact("analyses/{judge}/seed{seed}"),
        model=lambda wildcards: start_of("judges", CONFIG.judges[wildcards.judge], wildcards.seed),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        artifact("judges/{judge}/seed{seed}"),
    params:
        code=code("train_genrm_verdicts.py"),
        config=config_param(stage_configs.train_judge, "judge"),
    log:
        log_file("judges/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("judges/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmVerdictsConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_genrm_verdicts.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --analyses {input.analyses}"
        " --model {input.model} --seed {wildcards.seed} --launch {input.launch} --output {output} > {log} 2>&1"


rule train_genrm_probe:
    message:
        "Linear probe on a GenRM's analyses: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        analyses=artifact("analyses/{judge}/seed{seed}"),
        model=lambda wildcards: start_of("judges", CONFIG.judges[wildcards.judge], wildcards.seed),
    output:
        artifact("judges/{judge}/seed{seed}"),
    params:
        code=code("train_genrm_probe.py"),
        config=config_param(stage_configs.train_judge, "judge"),
    log:
        log_file("judges/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("judges/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmProbeConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_genrm_probe.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --analyses {input.analyses}"
        " --model {input.model} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule train_genrm_grpo:
    message:
        "GenRM GRPO: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        chains=lambda wildcards: chains_of(CONFIG.judges[wildcards.judge]),
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        model=lambda wildcards: start_of("judges", CONFIG.judges[wildcards.judge], wildcards.seed),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        artifact("judges/{judge}/seed{seed}"),
    params:
        code=code("train_genrm_grpo.py"),
        config=config_param(stage_configs.train_judge, "judge"),
        serving=serving_param(),
    log:
        log_file("judges/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("judges/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, GenrmGRPOConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_genrm_grpo.py --config {params.config:q} --preferences {input.preferences}"
        " --chains {input.chains} --consensus {input.consensus} --model {input.model} --seed {wildcards.seed}"
        " --serving {params.serving:q} --launch {input.launch} --output {output} > {log} 2>&1"


rule train_bradley_terry:
    message:
        "Bradley-Terry reward model: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(CONFIG.judges[wildcards.judge]),
        base=lambda wildcards: base_of(CONFIG.judges[wildcards.judge].base),
        launch=lambda wildcards: launch_of(CONFIG.judges[wildcards.judge]),
    output:
        artifact("judges/{judge}/seed{seed}"),
    params:
        code=code("train_bradley_terry.py"),
        config=config_param(stage_configs.train_judge, "judge"),
    log:
        log_file("judges/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("judges/{judge}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, ScalarJudgeConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
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
        artifact("policies/{policy}/seed{seed}"),
    params:
        code=code("train_policy_sft.py"),
        config=config_param(stage_configs.train_policy, "policy"),
    log:
        log_file("policies/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("policies/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, SFTPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_policy_sft.py --config {params.config:q} --preferences {input.preferences}"
        " --base {input.base} --seed {wildcards.seed} --launch {input.launch} --output {output} > {log} 2>&1"


rule train_policy_dpo:
    message:
        "Policy DPO: {wildcards.policy}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        consensus=lambda wildcards: consensus_of(CONFIG.policies[wildcards.policy]),
        model=lambda wildcards: start_of("policies", CONFIG.policies[wildcards.policy], wildcards.seed),
        launch=lambda wildcards: launch_of(CONFIG.policies[wildcards.policy]),
    output:
        artifact("policies/{policy}/seed{seed}"),
    params:
        code=code("train_policy_dpo.py"),
        config=config_param(stage_configs.train_policy, "policy"),
    log:
        log_file("policies/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("policies/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, DPOPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_policy_dpo.py --config {params.config:q} --preferences {input.preferences}"
        " --consensus {input.consensus} --model {input.model} --seed {wildcards.seed}"
        " --launch {input.launch} --output {output} > {log} 2>&1"


rule train_policy_grpo:
    message:
        "Policy GRPO: {wildcards.policy}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: start_of("policies", CONFIG.policies[wildcards.policy], wildcards.seed),
        judge=lambda wildcards: reward_judges(wildcards.policy, wildcards.seed),
        # not read: a gate that is added or changed trains nothing anew
        gates=lambda wildcards: gates_of(wildcards.policy, wildcards.seed),
        verifier=lambda wildcards: verifier_model(stage_configs.policy_verifier(CONFIG, wildcards.policy)),
        launch=lambda wildcards: launch_of(CONFIG.policies[wildcards.policy]),
    output:
        artifact("policies/{policy}/seed{seed}"),
    params:
        code=code("train_policy_grpo.py"),
        config=config_param(stage_configs.train_policy, "policy"),
        endpoint=lambda wildcards, output: as_param(stage_configs.policy_endpoints(CONFIG, wildcards.policy)),
        answers=ANSWERS,
        serving=serving_param(),
    log:
        log_file("policies/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("policies/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, GRPOPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/train_policy_grpo.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --judge {input.judge} --verifier {input.verifier} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --launch {input.launch} --output {output} > {log} 2>&1"
