// Player: does again what a recording says, as a VMM would.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "recording/reader.h"
#include "tools/replay/library.h"
#include "tools/replay/replayed_memory.h"
#include "tools/replay/report.h"
#include "tools/replay/retired_fences.h"
#include "wire/capset.h"

namespace viaduct::replay {

struct PlayOptions {
    /// How long an answer or a fence may take.
    std::chrono::milliseconds patience{10000};
};

/// One at a time in a process, since the library is. A recording is untrusted: its calls reach the
/// library as a hostile guest's would, and sizes are bounded here.
class Player {
  public:
    /// Initialises the library, which outlives this. ENODEV: there is no GPU for native contexts.
    static Result<std::unique_ptr<Player>> create(const Library& library, PlayOptions options);
    ~Player();
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;

    /// Reads all records. Differences are in the report; an error means that there is no telling:
    /// the file is broken, or of another kind of GPU.
    Result<Report> play(recording::RecordingReader& reader);

  private:
    struct Resource {
        uint64_t size = 0;
        bool is_control = false;
        bool mapped = false;  // by it
        Mapping guest;        // guest memory
        iovec entry{};
        std::optional<ReplayedMemory> memory;
    };
    using Call = std::pair<recording::RecordType, uint32_t>;  // its kind, and of whom

    Player(const Library& library, PlayOptions options) : library_(library), options_(options) {}
    Status start();
    Status step(const recording::Record& record);
    void finish();

    // A record each.
    Status host(const recording::Record& record);
    Status context(const recording::Record& record);
    Status context_end(const recording::Record& record);
    Status blob(const recording::Record& record);
    Status unref(const recording::Record& record);
    Status attach(const recording::Record& record);
    Status detach(const recording::Record& record);
    Status map(const recording::Record& record);
    Status memory(const recording::Record& record);
    Status submit(const recording::Record& record);
    Status fence(const recording::Record& record);
    Status retired(const recording::Record& record);
    Status answer(const recording::Record& record);
    Status refused(const recording::Record& record);
    Status reset(const recording::Record& record);
    Status end(const recording::Record& record);

    Status make_guest_memory(Resource& resource);
    Resource* find(uint32_t res_id);
    void drop(uint32_t res_id, Resource& resource);
    void drop_all();
    void returned(Call call, int error);
    void note_unexpected();
    void judge_unexplained();
    void differ_in_buffer(uint32_t res_id, const Difference& difference, const char* when);
    bool reaches(const Resource& control, uint32_t seqno) const;
    std::chrono::milliseconds patience() const;
    template <typename... Args>
    void differ(fmt::format_string<Args...> text, Args&&... args) {
        report_.add_difference(
            fmt::format("record {}: {}", number_, fmt::format(text, std::forward<Args>(args)...)));
    }

    const Library& library_;
    const PlayOptions options_;
    virgl_renderer_callbacks callbacks_{};
    bool initialised_ = false;
    wire::CapsetDrm capset_{};
    RetiredFences retired_;

    // Of the run.
    Report report_;
    uint64_t number_ = 0;  // of the record
    uint64_t guest_bytes_ = 0;
    bool ended_ = false;
    bool late_ = false;  // something was waited for in vain
    std::map<uint32_t, bool> contexts_;
    std::map<uint32_t, Resource> resources_;
    std::map<Call, int> failures_;  // that the recording has not told of yet
};

}  // namespace viaduct::replay
