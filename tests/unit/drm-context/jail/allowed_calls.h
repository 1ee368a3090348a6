// The lists of the jail as docs/security.md has them.
#pragma once

#include <string>

namespace viaduct::test {

/// Tables of all system calls and ioctls that a jailed worker may make, in Markdown, by name.
/// Throws std::out_of_range, with the number, for a condition or an ioctl without a name in
/// allowed_calls.cpp.
std::string allowed_calls();

}  // namespace viaduct::test
