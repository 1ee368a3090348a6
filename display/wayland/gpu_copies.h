// GpuCopies: copies by the GPU, for frames that the compositor cannot import.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "display/gpu_copy/copy_thread.h"
#include "display/wayland/format_table.h"
#include "display/wayland/watches.h"

namespace viaduct::wayland {

/// A few buffers of one size and format that the compositor can import, made anew when frames of
/// another kind come; and the thread that copies into them. Not thread-safe. Nothing waits but the
/// destructor.
class GpuCopies {
  public:
    using Kind = gpu_copy::CopyKind;
    /// A copy that can be shown, or why there is none, and the frame that it is of.
    struct Copied {
        Frame original;
        Result<Frame> copy;
        uint64_t target = 0;  // to be given back when the compositor no longer reads it
    };

    /// `open` may be empty: then nothing is copied. `watches` are borrowed; `done` is called when
    /// take() has something.
    GpuCopies(gpu_copy::OpenCopier open, Watches& watches, std::function<void()> done);
    GpuCopies(const GpuCopies&) = delete;
    GpuCopies& operator=(const GpuCopies&) = delete;

    /// The kind of copy for such a frame that the compositor takes. Nothing: there is none, or such
    /// a frame could not be copied before.
    std::optional<Kind> kind_for(const Frame& frame, const FormatTable& table) const;
    /// True if begin() may be called: a buffer for the kind is free, or can be made.
    bool ready(const Kind& kind) const;
    /// Takes the frame. False: there is no thread for it, and there will be none.
    bool begin(Frame& frame, const Kind& kind, dev_t device);
    std::optional<Copied> take();
    void give_back(uint64_t target);
    /// Frames of this layout are not to be copied again, until retry_failed().
    void refuse(const FrameLayout& layout);
    /// Forgets them: another table of formats has come.
    void retry_failed() { refused_.clear(); }

  private:
    static constexpr size_t kTargets = 3;
    static constexpr size_t kMostRefused = 16;
    struct Target {
        uint64_t id = 0;
        bool busy = false;
    };

    bool start(dev_t device);
    void give_up(std::string_view why);

    gpu_copy::OpenCopier open_;  // empty: none is left
    Watches& watches_;
    std::function<void()> done_;
    Kind kind_;
    std::vector<Target> targets_;  // of that kind
    uint64_t last_id_ = 0;
    uint64_t under_way_ = 0;  // the target; 0: nothing is
    std::deque<FrameLayout> refused_;
    std::unique_ptr<gpu_copy::CopyThread> thread_;  // from the first copy on
};

}  // namespace viaduct::wayland
