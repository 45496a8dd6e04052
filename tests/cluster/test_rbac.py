# SPDX-License-Identifier: Apache-2.0
"""The rights of deploy/rbac: MetalLB's, no less and no more (spec api-and-config 6.8)."""
import pytest

VERBS = "create delete deletecollection get list patch update watch".split()
READ = "get list watch"
ALL = " ".join(VERBS)
ALL_BUT_COLLECTION = "create delete get list patch update watch"
HOME, ELSEWHERE = "metallb-system", "default"
M = "metallb.io"
WEBHOOKS = "validatingwebhookconfigurations"
CRDS = "customresourcedefinitions"

# (account, namespace, group, resource[/subresource], name, verbs). What has no row for a place there has no right.
RIGHTS = [
    # cluster-wide
    ("controller", "", "", "services", "", READ),
    ("controller", "", "", "namespaces", "", READ),
    ("controller", "", "", "nodes", "", "list"),
    ("controller", "", "", "services/status", "", "update"),
    ("controller", "", "", "events", "", "create patch"),
    ("controller", "", "admissionregistration.k8s.io", WEBHOOKS, "", "list watch"),
    ("controller", "", "admissionregistration.k8s.io", WEBHOOKS, "metallb-webhook-configuration", ALL_BUT_COLLECTION),
    ("controller", "", "admissionregistration.k8s.io", WEBHOOKS, "another", "list watch"),
    ("controller", "", "apiextensions.k8s.io", CRDS, "", "list watch"),
    ("controller", "", "apiextensions.k8s.io", CRDS, "servicel2statuses.metallb.io", "list watch"),
    *(("controller", "", "apiextensions.k8s.io", CRDS, kind + ".metallb.io", ALL_BUT_COLLECTION)
      for kind in ("bfdprofiles", "bgpadvertisements", "bgppeers", "ipaddresspools", "l2advertisements", "communities",
                   "configurationstates")),
    ("controller", "", M, "configurationstates", "", ALL_BUT_COLLECTION),
    ("controller", "", M, "configurationstates/status", "", "get patch update"),
    ("speaker", "", "", "services", "", READ),
    ("speaker", "", "", "endpoints", "", READ),
    ("speaker", "", "", "nodes", "", READ),
    ("speaker", "", "", "namespaces", "", READ),
    ("speaker", "", "discovery.k8s.io", "endpointslices", "", READ),
    ("speaker", "", "", "events", "", "create patch"),
    *(("speaker", "", M, kind, "", ALL) for kind in ("servicel2statuses", "servicel2statuses/status", "configurationstates",
                                                     "configurationstates/status")),
    *((who, "", "authentication.k8s.io", "tokenreviews", "", "create") for who in ("controller", "speaker")),
    *((who, "", "authorization.k8s.io", "subjectaccessreviews", "", "create") for who in ("controller", "speaker")),
    # in their own namespace
    ("controller", HOME, "", "secrets", "", ALL_BUT_COLLECTION),
    ("controller", HOME, "", "secrets", "memberlist", ALL_BUT_COLLECTION),
    ("controller", HOME, "apps", "deployments", "controller", "get"),
    ("controller", HOME, M, "ipaddresspools/status", "", "update"),
    ("speaker", HOME, "", "secrets", "", READ),
    *((who, HOME, "", "pods", "", "get list") for who in ("controller", "speaker")),
    *((who, HOME, "", "configmaps", "", READ) for who in ("controller", "speaker")),
    *((who, HOME, M, kind, "", READ) for who in ("controller", "speaker")
      for kind in ("bfdprofiles", "bgpadvertisements", "bgppeers", "communities", "ipaddresspools", "l2advertisements")),
    *((who, HOME, M, kind, "", ALL) for who in ("controller", "speaker")
      for kind in ("servicebgpstatuses", "servicebgpstatuses/status")),
    # what others could expect and they have not got
    *((who, place, group, resource, "", "") for who in ("controller", "speaker") for place, group, resource in (
        (ELSEWHERE, "", "secrets"), (ELSEWHERE, "", "configmaps"), (ELSEWHERE, "", "pods"), (ELSEWHERE, M, "ipaddresspools"),
        (ELSEWHERE, M, "servicebgpstatuses"), (HOME, "apps", "daemonsets"), (HOME, "apps", "deployments"),
        (HOME, "", "serviceaccounts"), (HOME, "", "serviceaccounts/token"), (HOME, "", "pods/exec"),
        ("", "", "nodes/status"), ("", "", "nodes/proxy"), ("", "", "persistentvolumes"),
        ("", "rbac.authorization.k8s.io", "clusterroles"), ("", "admissionregistration.k8s.io",
                                                            "mutatingwebhookconfigurations"))),
    ("controller", "", "discovery.k8s.io", "endpointslices", "", ""),
    ("controller", "", "", "endpoints", "", ""),
    ("controller", "", M, "servicel2statuses", "", ""),
    ("speaker", "", "", "services/status", "", ""),
    ("speaker", HOME, M, "ipaddresspools/status", "", ""),
    ("speaker", "", "apiextensions.k8s.io", CRDS, "", ""),
    ("speaker", "", "admissionregistration.k8s.io", WEBHOOKS, "", ""),
]


@pytest.fixture(scope="module")
def clients(shared_plane):
    made = {name: shared_plane.client(name) for name in ("controller", "speaker")}
    yield made
    for client in made.values():
        client.close()


@pytest.mark.parametrize("who, place, group, resource, name, verbs", RIGHTS,
                         ids=["-".join(filter(None, (r[0], r[1], r[3], r[4]))) for r in RIGHTS])
def test_rights(clients, who, place, group, resource, name, verbs):
    resource, _, sub = resource.partition("/")
    allowed = [v for v in VERBS if clients[who].may(v, resource, group, place, name, sub)]
    assert allowed == sorted(verbs.split())


def test_no_row_twice():
    assert len({r[:5] for r in RIGHTS}) == len(RIGHTS)
