/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a datagram of control, and the same bytes as an IPv4 packet. What is read must come back
 * when it is written and read again. */
#include "bfd/bfd_wire.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_control(const struct bfd_packet *p)
{
    struct bfd_packet again;
    uint8_t bytes[BFD_PACKET_LEN], twice[BFD_PACKET_LEN];

    require(p->multiplier != 0 && p->my_discriminator != 0);
    require(p->your_discriminator != 0 || p->state == BFD_DOWN || p->state == BFD_ADMIN_DOWN);
    bfd_write(bytes, p);
    require(bfd_read(&again, bytes, sizeof(bytes)) == BFD_TAKE);
    bfd_write(twice, &again);
    require(memcmp(bytes, twice, sizeof(bytes)) == 0);
}

static void check_echo(const struct bfd_echo *e)
{
    struct bfd_echo again;
    uint8_t bytes[BFD_ECHO_LEN];

    bfd_echo_write(bytes, e);
    require(bfd_echo_read(&again, bytes, sizeof(bytes)) == 0);
    require(ip_eq(again.address, e->address) && again.ttl == e->ttl &&
            again.discriminator == e->discriminator && again.sequence == e->sequence &&
            again.cookie == e->cookie);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bfd_packet p;
    struct bfd_echo e;
    struct ip from;

    if (bfd_read(&p, bytes, len) == BFD_TAKE)
        check_control(&p);
    if (bfd_control_read(&p, &from, bytes, len)) {
        require(from.family == IP_V4);
        check_control(&p);
    }
    if (bfd_echo_read(&e, bytes, len) >= 0)
        check_echo(&e);
    return 0;
}
