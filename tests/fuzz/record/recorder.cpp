// A libvirglrenderer.so.1 that also writes down what each native context is given: programs of the
// ccmd targets (tests/fuzz/ccmd/calls.h). It is linked to the real library, which has all other
// functions; viaduct-loopback --library takes it.
#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "renderer/abi/virglrenderer.h"
#include "tests/fuzz/ccmd/calls.h"

namespace viaduct::fuzz {

namespace {

template <typename Function>
Function* next(Function*, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
#define VIADUCT_NEXT(name) next(&name, #name)

// The linker leaves out a library that nothing refers to.
[[gnu::used]] void (*const kKeepsTheLibrary)() = virgl_renderer_poll;

/// The beginning of each context's life, in which objects are made. Written when the server exits.
class Recording {
  public:
    ~Recording() {
        const char* directory = std::getenv("VIADUCT_FUZZ_RECORD");
        if (!directory) return;
        for (const auto& [context, program] : programs_) {
            constexpr size_t kMostBytes = 64 << 10;
            const auto bytes = write_program(program, kMostBytes);
            std::ofstream file(std::string(directory) + "/context-" + std::to_string(context),
                               std::ios::binary);
            file.write(reinterpret_cast<const char*>(bytes.data()),
                       static_cast<std::streamsize>(bytes.size()));
        }
    }
    void add(uint32_t context, Step step) {
        const std::lock_guard lock(mutex_);
        Program& program = programs_[context];
        if (program.size() < kMostSteps) program.push_back(std::move(step));
    }

  private:
    std::mutex mutex_;
    std::map<uint32_t, Program> programs_;
};

Recording& recording() {
    static Recording the_recording;
    return the_recording;
}

}  // namespace

}  // namespace viaduct::fuzz

extern "C" {

int virgl_renderer_submit_cmd(void* buffer, int ctx_id, int ndw) {
    using namespace viaduct::fuzz;
    const auto commands =
        std::as_bytes(std::span(static_cast<const uint32_t*>(buffer), static_cast<size_t>(ndw)));
    recording().add(static_cast<uint32_t>(ctx_id),
                    {static_cast<uint16_t>(Kind::kCommands), {commands.begin(), commands.end()}});
    return VIADUCT_NEXT(virgl_renderer_submit_cmd)(buffer, ctx_id, ndw);
}

int virgl_renderer_resource_create_blob(const virgl_renderer_resource_create_blob_args* args) {
    using namespace viaduct::fuzz;
    if (args->blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D && args->blob_id != 0)
        recording().add(args->ctx_id,
                        call(Kind::kCreateBlob, BlobOperands{args->blob_id, args->size,
                                                             args->res_handle, args->blob_flags}));
    return VIADUCT_NEXT(virgl_renderer_resource_create_blob)(args);
}

void virgl_renderer_ctx_detach_resource(int ctx_id, int res_handle) {
    using namespace viaduct::fuzz;
    recording().add(static_cast<uint32_t>(ctx_id),
                    call(Kind::kDetach, ResourceOperands{static_cast<uint32_t>(res_handle), 0}));
    VIADUCT_NEXT(virgl_renderer_ctx_detach_resource)(ctx_id, res_handle);
}
}
