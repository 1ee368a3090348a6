// A VMM that has confined itself.
#pragma once

namespace viaduct::test {

/// Loads a filter into this process that refuses unshare(2), and nothing else.
void forbid_namespaces();

}  // namespace viaduct::test
