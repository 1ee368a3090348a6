// Whether a forked child may start threads, for tests that do.
#pragma once

namespace viaduct::test {

/// Not under ThreadSanitizer: it knows the parent's threads in the child too, whose stacks, and so
/// ids, the C library gives to the child's own ("dup thread with used id").
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadsAfterFork = false;
#else
inline constexpr bool kThreadsAfterFork = true;
#endif

}  // namespace viaduct::test
