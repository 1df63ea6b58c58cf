"""The commands of kubectl that are tried, in order: what is typed, and words of what it must print then."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.clients.kubectls import Kubectl
    from tests.clients.scene import Scene

REFUSALS = (
    "Forbidden", "forbidden", "read-only", "doesn't have a resource type", "NotFound", "not found",
    "no matches for kind", "unable to upgrade connection: coop offers", "error upgrading connection",
    # The proxy serves no schemas and no scale; kubectl gives up before it asks for more.
    "error validating data", "could not find scale subresource",
)  # fmt: skip
"""What kubectl says when the proxy does not let it."""

ABSENT = "absent"
_UNKNOWN = ("unknown command", "unknown flag", "unrecognized condition")
"""What kubectl says of what this version of it does not have yet."""

_GONE = "it asks for a version that Kubernetes itself serves no more"
_KNOWN = {
    "no way into a pod": "a pod here is a process on this machine; there is no way into it",
    "Metrics API not available": "nothing measures pods here; it says so",
    "authentication.k8s.io/v1alpha1": _GONE,
    "selfsubjectreviews API is not enabled": _GONE,
    'no kind "CronJob" is registered for version "batch/v1"': _GONE,
}
"""Why something does not work, by what kubectl says then: known and accepted."""


@dataclass(frozen=True)
class Command:
    """words: in its output when it works.

    ends: False for one that goes on until it is stopped; `meanwhile` happens once it has begun to print.
    """

    line: str
    words: str
    ends: bool = True
    meanwhile: str = ""

    def of(self, kubectl: Kubectl) -> list[str]:
        return [str(kubectl.path), *shlex.split(self.line)]


def judged(scene: Scene, kubectl: Kubectl, command: Command, *, viewer: bool) -> str:
    """What the table says of the command: it is run, and its output read."""
    kubeconfig = scene.viewer if viewer else scene.admin
    if not command.ends:
        works, output = scene.followed(command.of(kubectl), command.words, command.meanwhile, kubeconfig)
    else:
        status, output = scene.run(command.of(kubectl), kubeconfig=kubeconfig)
        works = status == 0 and command.words in output
    if works:
        return "works"
    if any(words in output for words in _UNKNOWN):
        return ABSENT
    if viewer and any(words in output for words in REFUSALS):
        return "refused"
    return f"does not work: {next((why for words, why in _KNOWN.items() if words in output), shown(output))}"


def shown(output: str) -> str:
    """The last line, as a cell of a table."""
    return (output.strip().splitlines() or ["no output"])[-1].replace("|", "/")[:200]


COMMANDS = (
    Command("version", "v1.34."),
    Command("cluster-info", "control plane"),
    Command("api-versions", "apps/v1"),
    Command("api-resources", "deployments"),
    Command("explain deployment.spec.replicas", "replicas <integer>"),
    Command("explain pod --recursive", "containers"),
    Command("get pods", "RESTARTS"),
    Command("get pods -o wide", "NOMINATED NODE"),
    Command("get deployment web -o yaml", "kind: Deployment"),
    Command("get deployment web -o json", '"kind": "Deployment"'),
    Command("get deployments -o name", "deployment.apps/web"),
    Command("get deployment web -o jsonpath={.spec.replicas}", "1"),
    Command("get pods -o custom-columns=N:.metadata.name", "crashed"),
    Command("get deployment web -o go-template={{.kind}}", "Deployment"),
    Command("get all", "deployment.apps/web"),
    Command("get pods -A", "NAMESPACE"),
    Command("get pods -l app=idle", "idle"),
    Command("get pods -l 'app in (idle,web)' --show-labels", "app=idle"),
    Command("get pods --field-selector status.phase=Running", "idle"),
    Command("get pods --sort-by=.metadata.name --no-headers", "crashed"),
    Command("get pods --chunk-size=1", "idle"),
    Command("get deployment,service,configmap", "service/web"),
    Command("get --raw /version", "gitVersion"),
    Command("get configmap settings --watch", "settings   2", ends=False,
            meanwhile="patch configmap settings -p '{\"data\":{\"x\":\"1\"}}'"),
    Command("describe pod crashed", "Restart Count:  1"),
    Command("describe deployment web", "1 desired | 1 updated"),
    Command("describe service web", "Endpoints:"),
    Command("describe configmap settings", "greeting"),
    Command("events", "Scheduled"),
    Command("events --for pod/idle", "Started"),
    Command("get events --field-selector involvedObject.name=idle", "Started"),
    Command("logs idle", "working"),
    Command("logs crashed -p", "first run"),
    Command("logs idle --since=1h --tail=1", "working"),
    Command("logs idle --timestamps", "Z working"),
    Command("logs deployment/web", "listening"),
    Command("logs -l app=web --prefix", "listening"),
    Command("logs -f idle", "working", ends=False),
    Command("exec idle -- true", ""),
    Command("attach idle", ""),
    Command("port-forward pod/idle 0:80", ""),
    Command("cp idle:/etc/hostname copied", ""),
    Command("debug idle --image=x", ""),
    Command("auth can-i list pods", "yes"),
    Command("auth can-i --list", "Verbs"),
    Command("auth whoami", "Username"),
    Command("top pods", "CPU"),
    Command("rollout status deployment/web", "successfully rolled out"),
    Command("rollout history deployment/web", "REVISION"),
    Command("rollout history deployment/web --revision=1", "VERSION:\tone"),
    Command("wait --for=condition=Available deployment/web --timeout=20s", "condition met"),
    Command("wait --for=jsonpath={.status.phase}=Running pod/idle --timeout=20s", "condition met"),
    Command("diff -f deployment-web.json", ""),
    Command("create -f made.json", "configmap/made created"),
    Command("apply -f made.json", "configmap/made configured"),
    Command("apply -f more.json --dry-run=server", "configured (server dry run)"),
    Command("apply --server-side --force-conflicts -f more.json", "serverside-applied"),
    Command("replace -f made.json", "replaced"),
    Command("delete -f made.json", "deleted"),
    Command("apply -f list.json", "configmap/listed created"),
    Command("apply -f shorter-list.json", "deployment.apps/listed configured"),
    Command("delete -f list.json", "deleted"),
    Command("apply -f definition.json", "widgets.example.com created"),
    Command("explain widget.spec.size", "how big it is"),
    Command("apply -f widget.json", "widget.example.com/small created"),
    Command("get widgets", "SIZE"),
    Command("patch widget small --type=merge -p '{\"spec\":{\"size\":\"large\"}}'", "patched"),
    Command("delete -f definition.json", "deleted"),
    Command("apply -k kustomized", "configmap/my-made created"),
    Command("kustomize kustomized", "name: my-made"),
    Command("delete -k kustomized", "deleted"),
    Command("edit configmap settings", "edited"),
    Command("patch configmap settings -p '{\"data\":{\"b\":\"1\"}}'", "patched"),
    Command("patch configmap settings --type=merge -p '{\"data\":{\"b\":\"2\"}}'", "patched"),
    Command("patch configmap settings --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/b\"}]'", "patched"),
    Command("patch deployment spare --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":0}}'", "scale"),
    Command("label configmap settings tier=low", "labeled"),
    Command("annotate configmap settings note=x", "annotate"),
    Command("set env deployment/spare A=b", "env updated"),
    Command("set image deployment/spare main=other:1", "image updated"),
    Command("scale deployment/web --replicas=2", "scaled"),
    Command("autoscale deployment/web --max=3", "autoscaled"),
    Command("rollout restart deployment/web", "restarted"),
    Command("rollout pause deployment/web", "paused"),
    Command("rollout resume deployment/web", "resumed"),
    Command("rollout undo deployment/web", "rolled back"),
    Command("create configmap typed --from-literal=a=b", "created"),
    Command("create secret generic typed --from-literal=a=b", "created"),
    Command("create deployment typed --image=x", "created"),
    Command("create service clusterip typed --tcp=80", "created"),
    Command("create job typed --from=cronjob/tidy", "created"),
    Command("create namespace typed", "created"),
    Command("create configmap typed --from-literal=a=b --dry-run=client -o yaml", "kind: ConfigMap"),
    Command("expose deployment/web --name=second --port=80", "exposed"),
    Command("run shot --image=x", "created"),
    Command("delete pod idle", "deleted"),
    Command("delete service,configmap -l app=settings", "deleted"),
)  # fmt: skip
