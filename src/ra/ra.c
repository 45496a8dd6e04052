/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra.h"
