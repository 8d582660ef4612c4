// SHA-256 (FIPS 180-4): the exporter names constants by it, so that equal constants share a name.
//
// Our own, because the packages that have it (OpenSSL, nettle, mbed TLS) would each become a
// dependency of every static and cross build for the sake of these few lines. Nothing here guards a
// secret: constant time does not matter, and only whole messages are needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace smelt {

/// The digest of `message`, in the byte order of the standard.
std::array<uint8_t, 32> sha256(std::span<const std::byte> message);

/// The digest as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> message);

}  // namespace smelt
