/* SPDX-License-Identifier: Apache-2.0 */
/* Optimal string alignment distance, with three rows of its table. */
#include "cli/similar.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LEN_MAX = 64, DISTANCE_MAX = 2 }; /* longer words are nobody's typing error */

static uint8_t min3(unsigned a, unsigned b, unsigned c)
{
    unsigned low = a < b ? a : b;

    return (uint8_t)(low < c ? low : c);
}

/* Fills `row` for the first i letters of a; `above` and `above2` are the rows for i - 1 and i - 2.
 */
static void fill_row(uint8_t *row, const uint8_t *above, const uint8_t *above2, const char *a,
                     const char *b)
{
    size_t len = strlen(b);

    for (size_t k = 1; k <= len; k++) {
        unsigned swapped = UINT8_MAX;

        if (above2 != NULL && k > 1 && a[0] == b[k - 2] && a[-1] == b[k - 1])
            swapped = above2[k - 2] + 1U;
        row[k] = min3(above[k] + 1U, row[k - 1] + 1U, above[k - 1] + (a[0] != b[k - 1]));
        if (swapped < row[k])
            row[k] = (uint8_t)swapped;
    }
}

bool similar_to(const char *a, const char *b)
{
    uint8_t rows[3][LEN_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > LEN_MAX || b_len > LEN_MAX)
        return false;
    for (size_t k = 0; k <= b_len; k++)
        rows[0][k] = (uint8_t)k;
    for (size_t i = 1; i <= a_len; i++) {
        uint8_t *row = rows[i % 3];

        row[0] = (uint8_t)i;
        fill_row(row, rows[(i - 1) % 3], i > 1 ? rows[(i - 2) % 3] : NULL, &a[i - 1], b);
    }
    return rows[a_len % 3][b_len] <= DISTANCE_MAX;
}
