/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds every file of a corpus folder to a fuzz target. Without a single file it fails: a target
 * has a seed. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)

static size_t replay_file(const char *folder, const char *name, uint8_t *buffer)
{
    char path[4096];
    uint8_t *input; /* of its exact size, so that a sanitizer sees a read behind it */
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL)
        return 0;
    len = fread(buffer, 1, INPUT_MAX, f);
    fclose(f);
    input = malloc(len > 0 ? len : 1);
    if (input == NULL)
        return 0;
    memcpy(input, buffer, len);
    (void)LLVMFuzzerTestOneInput(input, len); /* always 0 */
    free(input);
    return 1;
}

int main(int argc, char **argv)
{
    uint8_t *buffer = malloc(INPUT_MAX);
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    size_t count = 0;

    if (dir == NULL || buffer == NULL) {
        fprintf(stderr, "usage: replay CORPUS_FOLDER\n");
        return 2;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.')
            count += replay_file(argv[1], e->d_name, buffer);
    }
    closedir(dir);
    free(buffer);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
