// Recordings, played against a library that does as it is told.
#include <cstring>
#include <string>
#include <vector>

#include "blob/memfd.h"
#include "recording/reader.h"
#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"
#include "tests/unit/tools/replay/fake_library.h"
#include "tools/replay/player.h"
#include "wire/capset.h"

namespace viaduct::fuzz {

namespace {

using namespace recording;

// A step is a record of that type; of type 0, bytes where a record should be.
constexpr uint16_t kTypes = static_cast<uint16_t>(RecordType::kEnd) + 1;

std::vector<std::byte> some_bytes(Random& random, size_t most) {
    std::vector<std::byte> bytes(random.below(most));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(3));
    return bytes;
}

template <typename Record>
Step record(const Record& fixed, std::vector<std::byte> tail = {}) {
    Step step = fuzz::make_step(static_cast<uint16_t>(Record::kType), fixed);
    step.bytes.insert(step.bytes.end(), tail.begin(), tail.end());
    return step;
}

uint32_t small(Random& random) {
    return static_cast<uint32_t>(1 + random.below(3));
}

Step host() {
    wire::CapsetDrm capset{};
    capset.context_type = wire::ContextType::kAmdgpu;
    const auto bytes = std::as_bytes(std::span(&capset, 1));
    return record(Host{0, sizeof(capset)}, {bytes.begin(), bytes.end()});
}

Step make(RecordType type, Random& random) {
    const uint32_t id = small(random), other = small(random);
    switch (type) {
        case RecordType::kHost:
            return host();
        case RecordType::kContext:
            return record(ContextCreated{id}, some_bytes(random, 8));
        case RecordType::kContextEnd:
            return record(ContextDestroyed{id});
        case RecordType::kBlob:
            return record(BlobCreated{id, other, static_cast<uint32_t>(1 + random.below(3)), 1,
                                      random.below(3), 1 + random.below(9000)});
        case RecordType::kUnref:
            return record(Unreferenced{id});
        case RecordType::kAttach:
            return record(Attached{id, other});
        case RecordType::kDetach:
            return record(Detached{id, other});
        case RecordType::kMap:
            return record(Mapped{id});
        case RecordType::kMemory:
            return record(Memory{id, static_cast<Found>(random.below(3)), random.below(9000)},
                          some_bytes(random, 200));
        case RecordType::kSubmit:
            return record(Submitted{id, static_cast<uint32_t>(random.below(2))},
                          std::vector<std::byte>(8 + 4 * random.below(20)));
        case RecordType::kFence:
            return record(FenceCreated{id, other, random.below(4)});
        case RecordType::kRetired:
            return record(FenceRetired{id, other, random.below(4)});
        case RecordType::kAnswer:
            return record(Answer{id, other, static_cast<uint32_t>(random.below(3)), 1,
                                 static_cast<uint32_t>(random.below(9000))},
                          some_bytes(random, 64));
        case RecordType::kRefused:
            return record(Refused{static_cast<RecordType>(random.below(kTypes)), id,
                                  static_cast<int32_t>(random.below(40))});
        case RecordType::kReset:
            return {static_cast<uint16_t>(type), {}};
        case RecordType::kEnd:
            return record(End{static_cast<EndReason>(random.below(2))});
    }
    return {0, some_bytes(random, 40)};
}

class ReplayGrammar final : public KindGrammar<RecordType> {
  public:
    ReplayGrammar() : KindGrammar(kTypes, make) {}
    Program make_program(Random& random) const override {
        Program program = {host(),
                           record(ContextCreated{1}),
                           record(BlobCreated{1, 1, VIRGL_RENDERER_BLOB_MEM_HOST3D, 1, 0, 4096}),
                           record(Mapped{1}),
                           record(BlobCreated{1, 2, VIRGL_RENDERER_BLOB_MEM_HOST3D, 1, 7, 8192}),
                           record(Mapped{2})};
        for (size_t i = random.below(40); i > 0; --i) program.push_back(make_step(random));
        return program;
    }
};

void append(std::vector<std::byte>& file, std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
}

}  // namespace

const Grammar& grammar() {
    static const ReplayGrammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    std::vector<std::byte> file;
    const FileHeader head;
    append(file, std::as_bytes(std::span(&head, 1)));
    for (const Step& step : parse_program(input)) {
        const RecordHeader header{static_cast<RecordType>(step.kind),
                                  static_cast<uint32_t>(step.bytes.size())};
        if (step.kind != 0) append(file, std::as_bytes(std::span(&header, 1)));
        append(file, step.bytes);
    }
    const auto memory = create_sealed_memfd("recording", file.size());
    if (!memory) return;
    (void)!::pwrite(memory->get(), file.data(), file.size(), 0);
    auto reader = RecordingReader::open("/proc/self/fd/" + std::to_string(memory->get()));
    if (!reader) __builtin_trap();
    replay::test::FakeLibrary fake;
    auto player = replay::Player::create(fake.library, {std::chrono::milliseconds(0)});
    if (!player) __builtin_trap();
    (void)(*player)->play(*reader);
    if (!fake.contexts.empty() || !fake.blobs.empty()) __builtin_trap();
}

}  // namespace viaduct::fuzz
