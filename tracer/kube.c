/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects from a file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/kube.h"
#include "tracer/kube_priv.h"
#include "tracer/word.h"
#include "tracer/yaml.h"

int kube_read_file(struct arena *a, const char *path, size_t most, const char **text, size_t *len)
{
	size_t cap = 0, n = 0;
	char *buf = NULL;
	struct stat st;
	ssize_t got = 0;
	int fd, rc = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size < most)
		cap = st.st_size + 1;
	do {
		if (n + 1 >= cap || !buf) {
			char *grown;

			cap = buf || !cap ? 2 * cap + 65536 : cap;
			grown = arena_alloc(a, cap);
			if (n)
				memcpy(grown, buf, n);
			buf = grown;
		}
		got = read(fd, buf + n, cap - n - 1);
		n += got > 0 ? got : 0;
	} while (got > 0 && n <= most);
	if (got < 0)
		rc = -errno;
	else if (n > most)
		rc = -EFBIG;
	close(fd);
	if (rc)
		return rc;
	*text = buf;
	*len = n;
	return 0;
}

int kube_read_objects(struct arena *a, const char *path, struct cluster **out, struct err *err)
{
	struct cluster *c;
	char shown[WORD_SHORT];
	struct err why = { "" };
	const char *text;
	bool any = false;
	size_t len;
	int rc;

	word_short(path, shown);
	c = cluster_new(a, arena_printf(a, "the objects of %s", shown));
	rc = kube_read_file(a, path, OBJECTS_MAX, &text, &len);
	if (rc)
		return err_set(err, rc == -ENOENT ? rc : -EINVAL, "--objects %s cannot be read: %s", shown, strerror(-rc));
	if (!yaml_is_json(text, len))
		rc = yaml_to_json(a, text, len, &text, &len, &why);
	if (!rc)
		rc = cluster_add(c, text, len, NULL, &any, &why);
	if (rc)
		return err_set(err, -EINVAL, "--objects %s: %s; it takes what `kubectl get services,endpointslices,pods,nodes -A -o json` prints",
			       shown, why.text);
	if (!any)
		return err_set(err, -EINVAL, "--objects %s holds no Service, EndpointSlice, Pod or Node; it takes what `kubectl get services,endpointslices,pods,nodes -A -o json` prints",
			       shown);
	cluster_sort(c);
	*out = c;
	return 0;
}
