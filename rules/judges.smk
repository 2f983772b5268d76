rule teach:
    message:
        "Teacher {wildcards.teacher} judges the training pairs in both orders"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.teacher, FIRST_SEED),
    output:
        f"{RESULTS}/teachers/{{teacher}}/manifest.json",
    params:
        code=code("judge_pairs.py"),
        config=lambda wildcards: part(sections.teach(CONFIG, wildcards.teacher)),
        seed=FIRST_SEED,
        endpoint=endpoint(lambda wildcards: wildcards.teacher),
        answers=f"{ANSWERS}/{{teacher}}",
    log:
        f"{LOGS}/teachers/{{teacher}}.log",
    benchmark:
        f"{BENCHMARKS}/teachers/{{teacher}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split train --seed {params.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"


rule filter_chains:
    message:
        "Keep the chains of {wildcards.teacher} that agree across orders and with the label"
    input:
        preferences=PREFERENCES,
        judgements=f"{RESULTS}/teachers/{{teacher}}/manifest.json",
    output:
        f"{RESULTS}/chains/{{teacher}}/manifest.json",
    params:
        code=code("filter_chains.py"),
        config=lambda _: part({}),
    log:
        f"{LOGS}/chains/{{teacher}}.log",
    benchmark:
        f"{BENCHMARKS}/chains/{{teacher}}.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/filter_chains.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --output {output} > {log} 2>&1"


rule find_consensus:
    message:
        "Consensus {wildcards.source}: unlabelled pairs on which the teachers agree"
    input:
        preferences=PREFERENCES,
        judgements=lambda wildcards: [
            f"{RESULTS}/teachers/{teacher}/manifest.json"
            for teacher in CONFIG.consensus[wildcards.source].teachers
        ],
    output:
        f"{RESULTS}/consensus/{{source}}/manifest.json",
    params:
        code=code("find_consensus.py"),
        config=lambda wildcards: part(sections.consensus(CONFIG, wildcards.source)),
    log:
        f"{LOGS}/consensus/{{source}}.log",
    benchmark:
        f"{BENCHMARKS}/consensus/{{source}}.tsv"
    wildcard_constraints:
        source=names_of(CONFIG.consensus, judge_entries.Consensus),
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/find_consensus.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --output {output} > {log} 2>&1"


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
        config=lambda wildcards: part(sections.train_judge(CONFIG, wildcards.judge)),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, judge_entries.GenrmSFTJudge),
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
        config=lambda wildcards: part(sections.train_judge(CONFIG, wildcards.judge)),
        serving=serving(),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, judge_entries.GenrmGRPOJudge),
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
        config=lambda wildcards: part(sections.train_judge(CONFIG, wildcards.judge)),
    log:
        f"{LOGS}/judges/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/judges/{{judge}}/seed{{seed}}.tsv"
    wildcard_constraints:
        judge=names_of(CONFIG.judges, judge_entries.BradleyTerryJudge),
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/train_bradley_terry.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --base {input.base}"
        " --seed {wildcards.seed} --launch {input.launch} --output {output} > {log} 2>&1"


rule evaluate_judge:
    message:
        "Human alignment: {wildcards.judge}, seed {wildcards.seed}, judges the held-out pairs in both orders"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/alignment/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_pairs.py"),
        config=lambda wildcards: part(sections.judge(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
    log:
        f"{LOGS}/alignment/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/alignment/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split test --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"


rule evaluate_injections:
    message:
        "Stories that talk to the judge: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/injections/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("evaluate_injections.py"),
        config=lambda wildcards: part(sections.injections(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
    log:
        f"{LOGS}/injections/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/injections/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/evaluate_injections.py --config {params.config:q}"
        " --preferences {input.preferences} --model {input.model} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --output {output} > {log} 2>&1"
