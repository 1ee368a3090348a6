// Threads of a simulated device.
#pragma once

#include <functional>
#include <thread>

namespace simgpu {

/// Starts a thread that may run on every processor that the process had when it was loaded: a GPU
/// is as fast as it is, whichever processors the thread that feeds it keeps to. SIGPIPE does not
/// reach it.
std::thread start_gpu_thread(std::function<void()> run);
/// Whether the calling thread is one.
bool on_gpu_thread();

}  // namespace simgpu
