/* SPDX-License-Identifier: Apache-2.0 */
/* The names of Kubernetes objects (RFC 1123, lower case). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { DNS_LABEL_MAX = 63, DNS_SUBDOMAIN_MAX = 253 };

bool dns_is_label(const char *s);                 /* letters, digits, inner '-' */
bool dns_is_subdomain(const char *s, size_t len); /* labels of any length joined by dots */
