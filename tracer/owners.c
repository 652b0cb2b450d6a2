/* SPDX-License-Identifier: GPL-2.0-only */
/* One table of the names that programs give to their chains and tables. */
#include "tracer/owners.h"

#include <fnmatch.h>
#include <string.h>

#include <linux/netfilter.h>

static const struct {
	const char *owner, *tables, *chains;	/* one of the two is enough */
} owners[] = {
	/* before kube-proxy, whose KUBE- names they share */
	{ "kube-router", NULL, "KUBE-ROUTER-*|KUBE-POD-FW-*|KUBE-NWPLCY-*" },
	{ "kubelet", NULL, "KUBE-KUBELET-CANARY|KUBE-IPTABLES-HINT|KUBE-MARK-DROP" },
	{ "kube-proxy", "kube-proxy",
	  "KUBE-SERVICES|KUBE-EXTERNAL-SERVICES|KUBE-NODEPORTS|KUBE-NODE-PORT|KUBE-SVC-*|KUBE-SVL-*|KUBE-SEP-*|KUBE-EXT-*|"
	  "KUBE-FW-*|KUBE-XLB-*|KUBE-MARK-MASQ|KUBE-POSTROUTING|KUBE-FORWARD|KUBE-FIREWALL|KUBE-PROXY-*|KUBE-LOAD-BALANCER|"
	  "KUBE-FIRE-WALL|KUBE-IPVS-*|KUBE-SOURCE-RANGES-FIREWALL" },
	{ "Calico", "calico", "cali-*|*-cali-*" },
	{ "Cilium", NULL, "CILIUM_*|OLD_CILIUM_*" },
	{ "Docker", "docker-bridges", "DOCKER|DOCKER-*" },
	{ "ufw", NULL, "ufw-*|ufw6-*" },
	{ "firewalld", "firewalld|firewalld_*",
	  "INPUT_ZONES*|FORWARD_*ZONES*|PREROUTING_ZONES*|POSTROUTING_ZONES*|FWDI_*|FWDO_*|FWD_*|IN_*|*_direct" },
	{ "flannel", "flannel-ipv4|flannel-ipv6", "FLANNEL-*" },
	{ "Tailscale", NULL, "ts-*" },
	{ "Antrea", "antrea*", "ANTREA-*" },
	{ "Weave Net", NULL, "WEAVE|WEAVE-*" },
	{ "Istio", "istio-*", "ISTIO_*" },
	{ "the CNI portmap plugin", "cni_hostport", "CNI-HOSTPORT-*|CNI-DN-*" },
	{ "the CNI firewall plugin", NULL, "CNI-FORWARD|CNI-ADMIN|CNI-ISOLATION-*" },
	{ "the CNI bridge plugin", "cni_plugins_*", "CNI-*" },
	{ "node-local-dns", "node-local-dns|nodelocaldns", NULL },
	{ "ip-masq-agent", NULL, "IP-MASQ-AGENT|IP-MASQ" },
	{ "the AWS VPC CNI", NULL, "AWS-*" },
	{ "kindnet", "kindnet*|kube-network-policies", "KIND-MASQ-AGENT" },
	{ "OVN-Kubernetes", "ovn-kubernetes*", "OVN-KUBE-*" },
	{ "libvirt", "libvirt_*", "LIBVIRT_*" },
	{ "Podman", "netavark", "NETAVARK*" },
	{ "fail2ban", "f2b-table", "f2b-*|fail2ban-*" },
	{ "CrowdSec", "crowdsec*", "CROWDSEC*" },
	{ "NetworkManager", "nm-*", "nm-sh-*" },
	{ "LXD", "lxd|incus", NULL },
};

static bool match_one(const char *name, const char *pattern, size_t len)
{
	char one[64];

	if (len >= sizeof(one))
		return false;
	memcpy(one, pattern, len);
	one[len] = '\0';
	return !fnmatch(one, name, 0);
}

bool name_matches(const char *name, const char *patterns)
{
	const char *p, *end;

	if (!name || !patterns)
		return false;
	for (p = patterns; ; p = end + 1) {
		end = strchrnul(p, '|');
		if (match_one(name, p, end - p))
			return true;
		if (!*end)
			return false;
	}
}

const char *owner_of_chain(uint8_t family, const char *table, const char *chain)
{
	size_t i;

	if (family == NFPROTO_ARP)
		return NULL;		/* no program above makes arp tables */
	for (i = 0; i < ARRAY_SIZE(owners); i++)
		if (name_matches(table, owners[i].tables) || name_matches(chain, owners[i].chains))
			return owners[i].owner;
	return NULL;
}
