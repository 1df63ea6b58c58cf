"""Deployments, ReplicaSets, and all else that makes pods of a template."""

from __future__ import annotations

from coop_core.cluster.shapes.base import Condition, LabelSelector, Metadata, Shape
from coop_core.cluster.shapes.basics import ObjectReference  # noqa: TC001  # as below
from coop_core.cluster.shapes.pods import PodTemplate  # noqa: TC001  # msgspec reads annotations at run time


class RollingUpdate(Shape):
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(Shape):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(Shape):
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate | None = None
    strategy: Strategy | None = None
    min_ready_seconds: int | None = None
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool | None = None


class WorkloadStatus(Shape):
    replicas: int | None = None
    ready_replicas: int | None = None
    available_replicas: int | None = None
    updated_replicas: int | None = None
    unavailable_replicas: int | None = None
    observed_generation: int | None = None
    conditions: list[Condition] | None = None


class Workload(Shape):
    metadata: Metadata | None = None
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None


class TemplatedSpec(Shape):
    replicas: int | None = None
    template: PodTemplate | None = None


class Templated(Shape):
    """For kinds of which only the template is read."""

    metadata: Metadata | None = None
    spec: TemplatedSpec | None = None


class ExitCodes(Shape):
    operator: str | None = None
    values: list[int] | None = None
    container_name: str | None = None


class PodConditionPattern(Shape):
    type: str | None = None
    status: str | None = None


class PodFailureRule(Shape):
    action: str | None = None
    on_exit_codes: ExitCodes | None = None
    on_pod_conditions: list[PodConditionPattern] | None = None


class PodFailurePolicy(Shape):
    rules: list[PodFailureRule] | None = None


class SuccessRule(Shape):
    succeeded_count: int | None = None
    succeeded_indexes: str | None = None


class SuccessPolicy(Shape):
    rules: list[SuccessRule] | None = None


class JobSpec(Shape):
    template: PodTemplate | None = None
    selector: LabelSelector | None = None
    parallelism: int | None = None
    completions: int | None = None
    completion_mode: str | None = None
    backoff_limit: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    pod_replacement_policy: str | None = None
    success_policy: SuccessPolicy | None = None
    managed_by: str | None = None
    manual_selector: bool | None = None
    suspend: bool | None = None


class JobStatus(Shape):
    active: int | None = None
    ready: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    start_time: str | None = None
    completion_time: str | None = None
    completed_indexes: str | None = None
    failed_indexes: str | None = None
    conditions: list[Condition] | None = None


class Job(Shape):
    metadata: Metadata | None = None
    spec: JobSpec | None = None
    status: JobStatus | None = None


class JobTemplate(Shape):
    metadata: Metadata | None = None
    spec: JobSpec | None = None


class CronJobSpec(Shape):
    schedule: str | None = None
    time_zone: str | None = None
    suspend: bool | None = None
    concurrency_policy: str | None = None
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    job_template: JobTemplate | None = None


class CronJobStatus(Shape):
    active: list[ObjectReference] | None = None
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(Shape):
    metadata: Metadata | None = None
    spec: CronJobSpec | None = None
    status: CronJobStatus | None = None
