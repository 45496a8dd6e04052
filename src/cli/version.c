/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/options.h"

#include "base/text.h"

#include <stdio.h>

static const char version_help[] =
    "Usage: steellb version\n"
    "Show the version, and the release of MetalLB that it matches.\n";

int cli_version(int argc, char **argv)
{
    if (argc > 1 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))) {
        fputs(version_help, stdout);
        return CLI_OK;
    }
    if (argc > 1)
        return cli_usage_error("version", "unexpected argument '%s'", argv[1]);
    fputs("steellb " STEELLB_VERSION "\nmatches MetalLB 0.16.2\n", stdout);
    return CLI_OK;
}
