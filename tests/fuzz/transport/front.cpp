// A front whose worker a guest has taken over: any bytes in the shared page, any messages.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/log.h"
#include "blob/memfd.h"
#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/front/context_link.h"
#include "drm-context/transport/control_memory.h"
#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"
#include "tests/unit/drm-context/front/link_parts.h"

namespace viaduct::fuzz {

namespace {

using transport::RecordType;

enum class Kind : uint16_t {
    // The worker's.
    kTail,     // NumberOperands
    kRetired,  // NumberOperands: of ring `where`
    kWord,     // NumberOperands: of one of its other words, or of the front's own
    kMessage,  // MessageOperands, and the bytes of the message
    kReply,    // MessageOperands, and a Reply
    kNotify,   // nothing
    kHangUp,   // nothing
    // The front's.
    kSend,     // NumberOperands: `what` bytes
    kFence,    // NumberOperands: on ring `where`
    kAsk,      // NumberOperands
    kControl,  // nothing
    kCollect,  // nothing
    kPass,     // NumberOperands: `what` ms
    kTake,     // NumberOperands: the announcement of object `what`
};
constexpr uint16_t kKinds = 14;

struct NumberOperands {
    uint64_t what;
    uint32_t where;
};
struct MessageOperands {
    uint32_t descriptors;
};

Step any_step(Kind kind, Random& random) {
    const auto number = static_cast<uint16_t>(kind);
    if (kind == Kind::kMessage) {
        Step step = make_step(number, MessageOperands{static_cast<uint32_t>(random.below(4))});
        step.bytes.resize(step.bytes.size() + random.below(600));
        return step;
    }
    if (kind == Kind::kReply) {
        Step step = make_step(number, MessageOperands{static_cast<uint32_t>(random.below(3))});
        transport::Reply reply{};
        const uint64_t cookies[] = {transport::kReadyCookie, transport::kPendingWorkCookie,
                                    transport::kLogCookie, transport::kAnnouncementCookie,
                                    1 + random.below(8)};
        reply.cookie = random.of(std::span<const uint64_t>(cookies));
        reply.offset = random.edge();
        reply.blob_id = random.below(64);
        reply.size = random.edge();
        reply.has_place = static_cast<uint32_t>(random.below(2));
        reply.error = random.once(2) ? 0 : static_cast<int32_t>(random.edge());
        reply.level = static_cast<uint32_t>(random.id());
        reply.cache = static_cast<uint32_t>(random.id());
        std::memset(reply.message, static_cast<int>(random.below(256)),
                    random.below(sizeof(reply.message) + 1));
        const auto bytes = std::as_bytes(std::span(&reply, 1));
        step.bytes.insert(step.bytes.end(), bytes.begin(), bytes.end());
        return step;
    }
    const uint64_t what = random.once(2) ? random.below(64) : random.edge();
    return make_step(number, NumberOperands{what, random.ring(transport::kFenceRings)});
}

class WorkerGrammar final : public KindGrammar<Kind> {
  public:
    WorkerGrammar() : KindGrammar(kKinds, any_step) {}
    Program make_program(Random& random) const override {
        Program program;
        for (const Kind kind :
             {Kind::kControl, Kind::kSend, Kind::kFence, Kind::kTail, Kind::kRetired,
              Kind::kCollect, Kind::kReply, Kind::kAsk, Kind::kTake, Kind::kCollect, Kind::kSend,
              Kind::kPass, Kind::kHangUp})
            program.push_back(any_step(kind, random));
        return program;
    }
};

class Hostage {
  public:
    Hostage() { test::start(link_, worker_.socket.get()); }

    void run(const Step& step) {
        const auto kind = static_cast<Kind>(step.kind);
        if (kind == Kind::kMessage || kind == Kind::kReply) return say(step);
        const auto operands = step.as<NumberOperands>();
        if (kind <= Kind::kHangUp)
            write(kind, operands);
        else
            call(kind, operands);
    }
    /// The end of the context: every fence is reported, once.
    void end() {
        worker_.page().exited = 1;
        worker_.socket.reset();
        link_.quit();
        constexpr int kTurns = 10'000;
        bool over = false;
        for (int turn = 0; turn < kTurns && !over; ++turn) {
            link_.check_progress(now_ += std::chrono::seconds(1));  // unfinished work ends here
            over = collect();
        }
        if (!over || retired_ != fences_) __builtin_trap();
    }

  private:
    void write(Kind kind, const NumberOperands& operands) {
        auto& page = worker_.page();
        std::atomic<uint32_t>* const words[] = {&page.front_waits, &page.worker_sleeps,
                                                &page.exited, &page.asks_for_kill};
        std::atomic<int64_t>* const times[] = {&page.in_kernel_since, &page.awaits_gpu_since};
        switch (kind) {
            case Kind::kTail:
                page.tail = operands.where % 2 ? operands.what : page.head - operands.what;
                break;
            case Kind::kRetired:
                page.retired[operands.where % transport::kFenceRings] = operands.what;
                break;
            case Kind::kWord:
                if (operands.where % 8 == 7)
                    page.head = operands.what;
                else if (operands.where % 8 >= 4)
                    *times[operands.where % 2] = static_cast<int64_t>(operands.what);
                else
                    *words[operands.where % 4] = static_cast<uint32_t>(operands.what);
                break;
            case Kind::kNotify:
                transport::signal_event(link_.notify_fd());
                break;
            default:
                worker_.socket.reset();
        }
    }
    void say(const Step& step) {
        if (!worker_.socket || step.bytes.size() <= sizeof(MessageOperands)) return;
        const std::vector<int> files(
            std::min<size_t>(step.as<MessageOperands>().descriptors, transport::kMaxDescriptors),
            file_.get());
        (void)transport::send_message(
            worker_.socket.get(), std::span(step.bytes).subspan(sizeof(MessageOperands)), files);
    }
    void call(Kind kind, const NumberOperands& operands) {
        switch (kind) {
            case Kind::kSend:
                (void)link_.send(RecordType::kSubmit,
                                 std::vector<std::byte>(operands.what % (64 << 10)));
                break;
            case Kind::kFence:
                link_.add_fence(RingIndex(operands.where % (transport::kFenceRings + 2)),
                                FenceId(++fences_));
                break;
            case Kind::kAsk:
                (void)link_.ask_or_leave(RecordType::kMapSource, transport::ResourceCall{},
                                         std::chrono::milliseconds(0),
                                         [](Result<ContextLink::Answer>) {});
                break;
            case Kind::kTake:
                take_announcement(operands.what % 64);
                break;
            case Kind::kControl:
                give_control_buffer();
                break;
            case Kind::kPass:
                now_ += std::chrono::milliseconds(operands.what % (1 << 20));
                link_.check_progress(now_);
                break;
            default:
                (void)collect();
        }
    }
    void take_announcement(uint64_t blob_id) {
        const auto taken = link_.take_announcement(blob_id);
        if (taken && taken->reply.blob_id != blob_id) __builtin_trap();
    }
    void give_control_buffer() {
        const auto& traits = amdgpu::traits();
        auto memory = transport::create_control_memory(4096, traits.area_offset());
        if (memory) (void)link_.give_control_buffer(*std::move(memory), nullptr, traits);
    }
    bool collect() {
        std::vector<RetiredFence> out;
        const bool over = link_.collect(out);
        retired_ += out.size();
        return over;
    }

    transport::Channel channel_ = transport::create_channel(4096).value();
    transport::ChannelEnd worker_ = transport::open_channel_end(std::move(channel_.worker)).value();
    ContextLink link_{ContextId(1), std::move(channel_.front), test::device_file(), test::closer(),
                      test::patience(std::chrono::milliseconds(1))};
    UniqueFd file_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
    uint64_t fences_ = 0;
    uint64_t retired_ = 0;
};

}  // namespace

const Grammar& grammar() {
    static const WorkerGrammar the_grammar;
    return the_grammar;
}

void start() {
    set_log_level(LogLevel::kSilent);
}

void run(std::span<const uint8_t> input) {
    Hostage hostage;
    for (const Step& step : parse_program(input)) hostage.run(step);
    hostage.end();
}

}  // namespace viaduct::fuzz
