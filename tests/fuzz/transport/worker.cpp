// A worker whose front sends any records and any messages. The positions in the shared page are a
// front's own, which a worker trusts as it trusts its own memory: a guest reaches neither.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "blob/mapping.h"
#include "blob/memfd.h"
#include "drm-context/context/timelines.h"
#include "drm-context/driver/table.h"
#include "drm-context/driver/traits.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/transport/control_memory.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/worker_host.h"
#include "tests/fuzz/ccmd/requests.h"
#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"
#include "tests/support/guest_ring_writer.h"

namespace viaduct::fuzz {

namespace {

using transport::RecordType;

enum class Kind : uint16_t {
    kRecord,      // RecordOperands, and the payload
    kDescriptor,  // DescriptorOperands
    kMessage,     // any bytes on the socket
    kShare,       // of the first step only, LimitOperands
    kPassedBy,    // RingOperands, and requests in the guest's ring
};
constexpr uint16_t kKinds = 5;

struct RecordOperands {
    uint32_t type;  // RecordType
};
enum File : uint32_t { kControlMemory, kSubmission, kEvent, kDevice, kFiles };
struct DescriptorOperands {
    uint64_t cookie;
    uint32_t file;
};
struct LimitOperands {
    uint32_t gpu_share;  // per cent
};
/// Differences from what an honest guest would write.
struct RingOperands {
    uint32_t more_size;     // of the requests, as the ring says
    uint32_t more_written;  // bytes
};

constexpr uint32_t kTypes = 13;  // of records, and one that does not exist
constexpr uint64_t kControlBytes = 0xc000;
constexpr uint64_t kRingBytes = 64 << 10;

template <typename Payload>
Step record(RecordType type, const Payload& payload) {
    Step step = make_step(static_cast<uint16_t>(Kind::kRecord),
                          RecordOperands{static_cast<uint32_t>(type)});
    append(step.bytes, payload);
    return step;
}

Step any_record(Random& random) {
    const auto type = static_cast<RecordType>(1 + random.below(kTypes - 1));
    const auto id = [&] { return static_cast<uint32_t>(random.id()); };
    switch (type) {
        case RecordType::kSubmit: {
            Step step = make_step(static_cast<uint16_t>(Kind::kRecord),
                                  RecordOperands{static_cast<uint32_t>(type)});
            const Bytes requests = make_requests(random);
            step.bytes.insert(step.bytes.end(), requests.begin(), requests.end());
            return step;
        }
        case RecordType::kSubmitMemory:
            return record(type, transport::SubmitMemory{random.id(), any_size(random)});
        case RecordType::kCreateBlob:
            return record(type, transport::CreateBlob{random.id(), random.id(), any_size(random),
                                                      id(), id()});
        case RecordType::kMapSource:
        case RecordType::kExportBlob:
        case RecordType::kImageLayout:
        case RecordType::kAttach:
        case RecordType::kDetach:
            return record(type, transport::ResourceCall{random.id(), id(), 0});
        case RecordType::kFence:
        case RecordType::kExportFence:
        case RecordType::kInFence:
            return record(
                type, transport::FenceCall{random.id(), random.id(), random.ring(kMaxRings), 0});
        default:
            return record(type, transport::DescriptorMessage{random.id()});
    }
}

Step any_step(Kind kind, Random& random) {
    const auto number = static_cast<uint16_t>(kind);
    switch (kind) {
        case Kind::kRecord:
            return any_record(random);
        case Kind::kDescriptor:
            return make_step(number, DescriptorOperands{
                                         random.id(), static_cast<uint32_t>(random.below(kFiles))});
        case Kind::kShare:
            return make_step(number, LimitOperands{static_cast<uint32_t>(random.below(100))});
        case Kind::kPassedBy: {
            const auto wrong = [&] {
                return random.once(8) ? static_cast<uint32_t>(random.edge()) : 0u;
            };
            Step step = make_step(number, RingOperands{wrong(), wrong()});
            const Bytes requests = make_requests(random);
            step.bytes.insert(step.bytes.end(), requests.begin(), requests.end());
            return step;
        }
        case Kind::kMessage:
            break;
    }
    return {number, Bytes(random.below(600))};
}

class FrontGrammar final : public KindGrammar<Kind> {
  public:
    FrontGrammar() : KindGrammar(kKinds, any_step) {}
    /// A context with a control buffer and a buffer, and some more.
    Program make_program(Random& random) const override {
        Program program;
        program.push_back(make_step_of(Kind::kDescriptor, DescriptorOperands{1, kControlMemory}));
        program.push_back(record(RecordType::kControlBuffer, transport::DescriptorMessage{1}));
        Step submit =
            make_step_of(Kind::kRecord, RecordOperands{static_cast<uint32_t>(RecordType::kSubmit)});
        const Bytes create = driver_requests().opening.create({1, 8192, 0}, random).bytes;
        submit.bytes.insert(submit.bytes.end(), create.begin(), create.end());
        program.push_back(std::move(submit));
        program.push_back(record(RecordType::kCreateBlob, transport::CreateBlob{2, 1, 8192, 1, 1}));
        program.push_back(record(RecordType::kMapSource, transport::ResourceCall{3, 1, 0}));
        program.push_back(record(RecordType::kFence, transport::FenceCall{0, 1, 1, 0}));
        for (uint64_t left = random.below(8); left > 0; --left)
            program.push_back(make_step(random));
        return program;
    }

  protected:
    Kind any_kind(Random& random) const override {
        return random.once(4) ? KindGrammar::any_kind(random) : Kind::kRecord;
    }

  private:
    template <typename Operands>
    static Step make_step_of(Kind kind, const Operands& operands) {
        return fuzz::make_step(static_cast<uint16_t>(kind), operands);
    }
};

/// The front's end of one worker's channel.
class Front {
  public:
    void send(const Step& step) {
        switch (static_cast<Kind>(step.kind)) {
            case Kind::kRecord:
                push(step);
                break;
            case Kind::kDescriptor:
                send_file(step.as<DescriptorOperands>());
                break;
            case Kind::kMessage:
                (void)transport::send_message(front_.socket.get(), step.bytes, -1);
                break;
            case Kind::kShare:
                break;
            case Kind::kPassedBy:
                pass_by(step);
                break;
        }
    }
    /// The worker's whole life, on this thread.
    void run_worker(uint32_t gpu_share) {
        front_.page().quit = 1;
        // All descriptors are there: a record without its own is not waited for.
        ::shutdown(front_.socket.get(), SHUT_WR);
        WorkerStart start;
        start.channel = std::move(channel_.worker);
        start.simulated = "renoir";
        start.settings.type = wire::ContextType::kAmdgpu;
        start.settings.log_level = LogLevel::kSilent;
        start.settings.limits.gpu_share = gpu_share % 101;
        viaduct::run_worker(std::move(start), nullptr);
        if (front_.page().exited == 0) __builtin_trap();  // worker_host.h: its last word
    }

  private:
    void push(const Step& step) {
        const auto type = static_cast<RecordType>(step.as<RecordOperands>().type % kTypes);
        if (type == RecordType::kFiller) return;  // the producer's own
        const std::span bytes(step.bytes);
        ring_.push(type, bytes.subspan(std::min(sizeof(RecordOperands), bytes.size())));
    }
    void send_file(const DescriptorOperands& operands) {
        const UniqueFd file = open_file(operands.file);
        const transport::DescriptorMessage message{operands.cookie};
        (void)transport::send_message(front_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                      file.get());
    }
    void pass_by(const Step& step) {
        const auto operands = step.as<RingOperands>();
        const std::span bytes(step.bytes);
        const auto requests = bytes.subspan(std::min(sizeof(operands), bytes.size()));
        if (requests.size() > wire::GuestRing::kLargest) return;
        const uint32_t at = passed_by_.head();
        passed_by_.set_used();
        passed_by_.write(requests);
        passed_by_.word(at) += operands.more_size;
        passed_by_.head() += operands.more_written;
    }
    UniqueFd open_file(uint32_t kind) const {
        switch (kind % kFiles) {
            case kControlMemory:
                return control_.duplicate();
            case kSubmission:
                return create_sealed_memfd("fuzz", 8192).value();
            case kEvent:
                return UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
            default:
                return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
        }
    }

    transport::Channel channel_ = transport::create_channel(kRingBytes).value();
    transport::ChannelEnd& front_ = channel_.front;
    transport::RingProducer ring_{front_.page(), front_.ring_bytes()};

    const uint32_t area_offset_ =
        find_context_type(wire::ContextType::kAmdgpu)->traits().area_offset();
    const UniqueFd control_ = transport::create_control_memory(kControlBytes, area_offset_).value();
    const Mapping control_memory_ = Mapping::map_shared(control_.get(), 0, kControlBytes).value();
    const test::GuestRingWriter passed_by_{control_memory_.bytes(), area_offset_};
};

}  // namespace

const Grammar& grammar() {
    static const FrontGrammar the_grammar;
    return the_grammar;
}

void start() {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "5", /*overwrite=*/0);
    set_log_level(LogLevel::kSilent);
}

void run(std::span<const uint8_t> input) {
    const Program program = parse_program(input);
    uint32_t share = 0;
    if (!program.empty() && program[0].kind == static_cast<uint16_t>(Kind::kShare))
        share = program[0].as<LimitOperands>().gpu_share;
    Front front;
    for (const Step& step : program) front.send(step);
    front.run_worker(share);
}

}  // namespace viaduct::fuzz
