rule sample_stories:
    message:
        "Stories of {wildcards.policy}, seed {wildcards.seed}, for held-out contexts"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: policy_model(wildcards.policy, wildcards.seed),
    output:
        artifact("stories/{policy}/seed{seed}"),
    params:
        code=code("sample_stories.py"),
        config=config_param(stage_configs.stories, "policy"),
        endpoint=endpoint_param("policy", "policies"),
        answers=f"{ANSWERS}/policies/{{policy}}",
        serving=serving_param(),
    log:
        log_file("stories/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("stories/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, TrainedConfig, BasePolicyConfig, EndpointPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/sample_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule sample_candidates:
    message:
        "Stories of which one is chosen for {wildcards.policy}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: policy_model(CONFIG.policies[wildcards.policy].parent, wildcards.seed),
    output:
        artifact("candidates/{policy}/seed{seed}"),
    params:
        code=code("sample_stories.py"),
        config=config_param(stage_configs.candidates, "policy"),
        endpoint=lambda wildcards, output: as_param(
            stage_configs.endpoint(CONFIG, CONFIG.policies[wildcards.policy].parent, "policies")
        ),
        answers=lambda wildcards: f"{ANSWERS}/policies/{CONFIG.policies[wildcards.policy].parent}",
        serving=serving_param(),
    log:
        log_file("candidates/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("candidates/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, BestOfPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/sample_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule choose_stories:
    message:
        "Best of n: stories of {wildcards.policy}, seed {wildcards.seed}, chosen by a judge"
    input:
        preferences=PREFERENCES,
        candidates=artifact("candidates/{policy}/seed{seed}"),
        model=lambda wildcards: judge_model(chooser(wildcards.policy), wildcards.seed),
        # not read, as in train_policy_grpo
        gates=lambda wildcards: gates_of(wildcards.policy, wildcards.seed),
    output:
        artifact("stories/{policy}/seed{seed}"),
    params:
        code=code("choose_stories.py"),
        config=config_param(stage_configs.best_of, "policy"),
        endpoint=lambda wildcards, output: as_param(stage_configs.endpoint(CONFIG, chooser(wildcards.policy))),
        answers=lambda wildcards: f"{ANSWERS}/{chooser(wildcards.policy)}",
        serving=serving_param(),
    log:
        log_file("stories/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("stories/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, BestOfPolicyConfig),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/choose_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --candidates {input.candidates} --model {input.model} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --output {output} > {log} 2>&1"


rule import_stories:
    message:
        "Stories of {wildcards.policy} from a file, beside seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        stories=lambda wildcards: str(CONFIG.policies[wildcards.policy].stories),
    output:
        artifact("stories/{policy}/seed{seed}"),
    params:
        code=code("import_stories.py"),
        config=lambda wildcards: as_param(stage_configs.external_stories(wildcards.policy)),
    log:
        log_file("stories/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("stories/{policy}/seed{seed}")
    wildcard_constraints:
        policy=names_of(CONFIG.policies, ExternalPolicyConfig),
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/import_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories:q} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule import_instructions:
    message:
        "Prompts with instructions from a model hub"
    output:
        manifest=artifact("instructions"),
        prompts=f"{RESULTS}/instructions/input_data.jsonl",
    params:
        code=code("import_instructions.py"),
        config=config_param(stage_configs.instructions),
    log:
        log_file("instructions"),
    benchmark:
        benchmark_file("instructions")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/import_instructions.py --config {params.config:q} --output {output.manifest}"
        " > {log} 2>&1"


rule sample_responses:
    message:
        "Answers of {wildcards.policy}, seed {wildcards.seed}, to prompts with instructions"
    input:
        prompts=lambda _: instruction_prompts(),
        model=lambda wildcards: policy_model(wildcards.policy, wildcards.seed),
    output:
        artifact("responses/{policy}/seed{seed}"),
    params:
        code=code("sample_responses.py"),
        config=config_param(stage_configs.responses, "policy"),
        endpoint=endpoint_param("policy", "policies"),
        answers=f"{ANSWERS}/policies/{{policy}}",
        serving=serving_param(),
    log:
        log_file("responses/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("responses/{policy}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/sample_responses.py --config {params.config:q} --prompts {input.prompts:q}"
        " --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"
