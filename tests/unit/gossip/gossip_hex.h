/* SPDX-License-Identifier: Apache-2.0 */
/* The byte vectors of memberlist v0.5.1 (spec speaker-l2 6.19, changes-0.16.2 3), as hexadecimal.
 */
#pragma once

#include "base/text.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HEX_PING                                                                                   \
    "0085a44e6f6465a26e32a55365714e6f01aa536f7572636541646472a40a000001aa536f757263654e6f6465a26e" \
    "31aa536f75726365506f7274cd1f0a"
#define HEX_PING_BARE "0082a44e6f6465a26e32a55365714e6fcd012c"
#define HEX_ACK "0282a75061796c6f6164c0a55365714e6f01"
#define HEX_NACK "0b81a55365714e6fccc8"
#define HEX_INDIRECT                                                                               \
    "0188a44e61636bc3a44e6f6465a26e32a4506f7274cd1f0aa55365714e6f01aa536f7572636541646472a40a0000" \
    "01aa536f757263654e6f6465a26e31aa536f75726365506f7274cd1f0aa6546172676574a40a000002"
#define HEX_SUSPECT "0383a446726f6da26e31ab496e6361726e6174696f6e01a44e6f6465a26e32"
#define HEX_DEAD "0583a446726f6da26e32ab496e6361726e6174696f6e01a44e6f6465a26e32"
#define HEX_ALIVE                                                                                  \
    "0486a441646472a40a000001ab496e6361726e6174696f6e01a44d657461c0a44e6f6465a26e31a4506f7274cd1f" \
    "0aa356736ea6010502000000"
#define HEX_ERROR "0d81a54572726f72a4626f6f6d"
#define HEX_CRC_SUSPECT "0cd7adfa84" HEX_SUSPECT
#define HEX_COMPOUND "0702003d001f" HEX_PING HEX_SUSPECT
#define HEX_STATE                                                                                  \
    "87a441646472a40a000001ab496e6361726e6174696f6e01a44d657461c0a44e616d65a26e31a4506f7274cd1f0a" \
    "a5537461746500a356736ea6010502000000"
#define HEX_PUSH_PULL "0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656e00" HEX_STATE
#define HEX_HEADER_LARGE "83a44a6f696ec2a54e6f646573d100c8ac5573657253746174654c656ed200011170"
#define HEX_COMPRESSED_NONE "0982a4416c676f00a3427566a3000302"
#define HEX_COMPRESSED_A "0982a4416c676f00a3427566a400c30404"
#define HEX_COMPRESSED_16A "0982a4416c676f00a3427566a900c3081c48b0609880"
#define HEX_COMPRESSED_TOBE "0982a4416c676f00a3427566b500a93c1152e48914274fa80824687061c183090302"
#define HEX_COMPRESSED_PUSH_PULL                                                                   \
    "0982a4416c676f00a3427566da0066000d0c22a5e44d1a37c34a397943a6cc9c00acaacc2923670a9d3074ca3029" \
    "e306c0215241c89091434a0100000156257133268c1c3718d3bc7113805493321781917212a64d19516e629082f2" \
    "460e9d661f1494b288b10c805156e6b83115a0808093000202"

/* Sealed with the keys of this secret and this nonce. */
#define SECRET "MDEyMzQ1Njc4OWFiY2RlZg"
#define HEX_NONCE "000102030405060708090a0b"
#define HEX_SEALED_SUSPECT_OLD                                                                     \
    "01000102030405060708090a0b66e61fc8bb22bb64a48d2f4a65ef90ab2e0d89ae09283ead38bffc493208fd203b" \
    "274945aabf076c89304f79d902fb"
#define HEX_SEALED_SUSPECT_NEW                                                                     \
    "01000102030405060708090a0be74b76da007a1ace5ab8aa560625a7cec551657d6567f24a3c81543f21d86bb4"   \
    "18a7115ebb04084e663bc53ad98e14"
#define HEX_SEALED_FRAME_OLD                                                                       \
    "0a0000009201000102030405060708090a0b6ce71fcfa52ab9c669fef165d18c97d94d60df62820b253eb59aa155" \
    "d3c003bf4af4dda85aa2d40841afeb40070b10d2a477962461b288976d75fb6ff915972218c1f09e37dac1d00e83" \
    "7af5758e19ecef960d97016f4cf7489d267af978efd9559c84ba947039f26712f2b0fbe0fde9e4f29d94d2c796cd" \
    "e4d8faa90d5e74a89c17df6034"
#define HEX_SEALED_FRAME_NEW                                                                       \
    "0a0000009201000102030405060708090a0bed4a76dd1e72186c97cb7479b246a0bca63c33b1ee44e9d9b1a40923" \
    "c0109563bc0400d591b9b59882e4eff7c14db421134b4e76a8be49f34ce94e3054b02146988fa3aa25ea0e1f4632" \
    "c21157332a232b1617594369289564f59235767b36f93c90c1aee23d92a505bdb758de2bec9ca5de893801d5873e" \
    "a7d19be74beb860b66c1306c4e"

/* Returns the number of bytes. */
static inline size_t unhex(uint8_t *ret, size_t cap, const char *hex)
{
    size_t len = strlen(hex) / 2;

    assert(len <= cap && strlen(hex) % 2 == 0);
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        assert(high >= 0 && low >= 0);
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return len;
}
