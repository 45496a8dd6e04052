/* SPDX-License-Identifier: Apache-2.0 */
/* The role that gives addresses to Services: `steellb controller`, in place of MetalLB's. */
#pragma once

int controller_main(int argc, char **argv);
