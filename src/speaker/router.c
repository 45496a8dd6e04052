/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/router.h"
