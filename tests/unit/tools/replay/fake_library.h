// FakeLibrary: the C functions that a replay calls, with buffers in ordinary memory and a GPU that
// a test programs. One at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/replay/library.h"
#include "wire/capset.h"

namespace viaduct::replay::test {

class FakeLibrary {
  public:
    static constexpr uint64_t kMostBytes = 1 << 20;  // of a buffer

    FakeLibrary();
    ~FakeLibrary() { current = nullptr; }
    FakeLibrary(const FakeLibrary&) = delete;
    FakeLibrary& operator=(const FakeLibrary&) = delete;

    Library library;

    // How it behaves.
    wire::ContextType type = wire::ContextType::kAmdgpu;
    bool has_gpu = true;
    bool retires = true;
    int submit_error = 0;
    int fence_error = 0;
    int blob_error = 0;
    int map_error = 0;
    /// The GPU, and the worker that answers.
    std::function<void()> on_submit = [] {};
    std::byte* bytes_of(uint32_t res_id) { return blobs.at(res_id).data(); }

    // Calls, and objects that exist.
    std::vector<std::string> calls;
    std::map<uint32_t, std::vector<std::byte>> blobs;
    std::set<uint32_t> guest_blobs;
    std::set<uint32_t> contexts;

  private:
    static FakeLibrary* current;
    void* cookie_ = nullptr;
    virgl_renderer_callbacks* callbacks_ = nullptr;
};

}  // namespace viaduct::replay::test
