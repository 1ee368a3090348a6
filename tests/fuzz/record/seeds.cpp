// Makes inputs of a ccmd target of a recording:  viaduct-fuzz-seeds RECORDING DIRECTORY
// A file for each context: the beginning of its life, in which objects are made.
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "recording/reader.h"
#include "renderer/abi/virglrenderer.h"
#include "tests/fuzz/ccmd/calls.h"

namespace viaduct::fuzz {

namespace {

constexpr size_t kMostSeedBytes = 64 << 10;

/// Contexts in order of their creation: ids are used again.
class Seeds {
  public:
    void take(const recording::Record& record) {
        switch (record.type) {
            case recording::RecordType::kContext:
                programs_.emplace_back();
                newest_[record.as<recording::ContextCreated>().ctx_id] = programs_.size() - 1;
                break;
            case recording::RecordType::kSubmit:
                submit(record);
                break;
            case recording::RecordType::kBlob:
                blob(record.as<recording::BlobCreated>());
                break;
            case recording::RecordType::kDetach: {
                const auto detached = record.as<recording::Detached>();
                add(detached.ctx_id, call(Kind::kDetach, ResourceOperands{detached.res_id, 0}));
                break;
            }
            default:
                break;
        }
    }
    /// False: a file cannot be written.
    bool write(const std::string& directory) const {
        for (size_t i = 0; i < programs_.size(); ++i) {
            const auto bytes = write_program(programs_[i], kMostSeedBytes);
            std::ofstream file(fmt::format("{}/context-{}", directory, i + 1), std::ios::binary);
            file.write(reinterpret_cast<const char*>(bytes.data()),
                       static_cast<std::streamsize>(bytes.size()));
            if (!file) return false;
        }
        return true;
    }

  private:
    void submit(const recording::Record& record) {
        const auto submitted = record.as<recording::Submitted>();
        const auto tail = record.behind<recording::Submitted>();
        const uint64_t ids = uint64_t{submitted.in_fences} * sizeof(uint64_t);
        if (ids > tail.size()) return;
        const auto commands = tail.subspan(static_cast<size_t>(ids));
        add(submitted.ctx_id,
            {static_cast<uint16_t>(Kind::kCommands), {commands.begin(), commands.end()}});
    }
    void blob(const recording::BlobCreated& created) {
        if (created.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D || created.blob_id == 0) return;
        add(created.ctx_id,
            call(Kind::kCreateBlob,
                 BlobOperands{created.blob_id, created.size, created.res_id, created.blob_flags}));
    }
    void add(uint32_t ctx_id, Step step) {
        const auto found = newest_.find(ctx_id);
        if (found == newest_.end()) return;
        Program& program = programs_[found->second];
        if (program.size() < kMostSteps) program.push_back(std::move(step));
    }

    std::vector<Program> programs_;
    std::map<uint32_t, size_t> newest_;  // by context id
};

int run(const std::string& path, const std::string& directory) {
    auto reader = recording::RecordingReader::open(path);
    Seeds seeds;
    auto record = reader ? reader->next() : tl::unexpected(reader.error());
    for (; record && *record; record = reader->next()) seeds.take(**record);
    if (!record) {
        fmt::print(stderr, "viaduct-fuzz-seeds: {}\n", record.error().message);
        return 1;
    }
    if (seeds.write(directory)) return 0;
    fmt::print(stderr, "viaduct-fuzz-seeds: cannot write to {}\n", directory);
    return 1;
}

}  // namespace

}  // namespace viaduct::fuzz

int main(int count, char** arguments) {
    if (count == 3) return viaduct::fuzz::run(arguments[1], arguments[2]);
    fmt::print(stderr, "usage: viaduct-fuzz-seeds RECORDING DIRECTORY\n");
    return 2;
}
