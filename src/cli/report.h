/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces that several listings print: faults and warnings, name lists, JSON values. */
#pragma once

#include <jansson.h>

#include "base/ip.h"
#include "base/text.h"
#include "cli/term.h"
#include "model/fault.h"

/* `error: IPAddressPool metallb-system/edge: message`, one line each. */
void report_faults(const struct term *t, const struct fault_list *faults);
void report_warnings(const struct term *t, const struct fault_list *warnings);

/* "IPAddressPool metallb-system/edge: message", in one line. */
void report_fault(struct text *t, const struct fault *f);

/* "1 fault", "2 faults". */
void report_count(struct text *t, size_t n, const char *one, const char *many);

/* "n1, n2, n3 and 47 more". */
void report_names(struct text *t, const char *const *names, size_t count);

/* "192.0.2.1, 2001:db8::1" */
void report_ips(struct text *t, const struct ip *ips, size_t count);

/* The text with each line break turned into "; ". */
void report_one_line(struct text *t, const char *s);

/* Texts go through json_text, since a file name in a message may be any bytes. */
void report_json_put(json_t *object, const char *key, const char *s);
json_t *report_json_faults(const struct fault_list *list);
json_t *report_json_ips(const struct ip *ips, size_t count);

/* Prints a value in one line and frees it. */
void report_json_dump_take(FILE *out, json_t *value);
