// One VMM session of 2D resources and a virgl context with any libvirglrenderer.so.1, written down
// as text: what each call returned, what was read back, which fences came. Two libraries that
// behave alike write the same. usage: classic-session LIBRARY KIND, KIND is virgl (the library
// makes its GL contexts), callbacks (this program does, as QEMU) or venus.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "egl_contexts.h"
#include "renderer/abi/virglrenderer.h"

namespace {

void* g_library = nullptr;

// CALL(name)(arguments): the function of the library under test.
#define CALL(name)                                                        \
    reinterpret_cast<decltype(&virgl_renderer_##name)>(::dlsym(g_library, \
                                                               "virgl_"   \
                                                               "renderer_" #name))

template <typename... Args>
void note(fmt::format_string<Args...> text, Args&&... args) {
    fmt::print("{}\n", fmt::format(text, std::forward<Args>(args)...));
    std::fflush(stdout);
}

// FNV-1a, to write bytes down in one word.
uint64_t digest(std::span<const uint32_t> words) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const uint32_t word : words) hash = (hash ^ word) * 0x100000001b3u;
    return hash;
}

std::mutex g_mutex;
std::set<uint32_t> g_fences;

void write_fence(void*, uint32_t id) {
    const std::lock_guard lock(g_mutex);
    g_fences.insert(id);
}
void write_context_fence(void*, uint32_t, uint32_t, uint64_t id) {
    write_fence(nullptr, static_cast<uint32_t>(id));
}

bool await_fence(uint32_t id) {
    for (int tries = 0; tries < 2000; ++tries) {
        CALL(poll)();
        {
            const std::lock_guard lock(g_mutex);
            if (g_fences.contains(id)) return true;
        }
        ::usleep(5000);
    }
    return false;
}

constexpr uint32_t kWidth = 64, kHeight = 48;
constexpr uint32_t kFormatBgrx = 2;
constexpr uint32_t kTarget2d = 2;

std::vector<uint32_t> pattern() {
    std::vector<uint32_t> pixels(kWidth * kHeight);
    for (size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = 0xff000000u | static_cast<uint32_t>(i * 2654435761u >> 8);
    return pixels;
}

int create(uint32_t id, uint32_t bind, uint32_t width = kWidth, uint32_t height = kHeight,
           uint32_t flags = 0) {
    virgl_renderer_resource_create_args args{id, kTarget2d, kFormatBgrx, bind, width, height,
                                             1,  1,         0,           0,    flags};
    return CALL(resource_create)(&args, nullptr, 0);
}

void note_info(uint32_t id) {
    virgl_renderer_resource_info info;
    std::memset(&info, 0, sizeof info);
    info.fd = -1;
    const int result = CALL(resource_get_info)(static_cast<int>(id), &info);
    note("info {} -> {}: format {} {}x{}x{} flags {} texture {} stride {} fourcc {:#x} fd {}", id,
         result, info.virgl_format, info.width, info.height, info.depth, info.flags,
         info.tex_id != 0, info.stride, info.drm_fourcc, info.fd >= 0);
}

constexpr size_t kCapsV1Words = 308 / 4;

void capsets(const char* when) {
    for (const uint32_t set : {1u, 2u, 3u, 77u}) {
        uint32_t version = 99, size = 99;
        CALL(get_cap_set)(set, &version, &size);
        note("{}: capset {} version {} size {}", when, set, version, size);
        // The fields beyond the first version's include the amount of free memory, which varies.
        std::vector<uint32_t> bytes(4096, 0);
        CALL(fill_caps)(set, version, bytes.data());
        const std::span all(bytes);
        note("  first part {:x}, behind the end {:x}", digest(all.first(kCapsV1Words)),
             digest(all.subspan(size / 4)));
    }
}

void console() {
    note("create 2 -> {}", create(2, VIRGL_RES_BIND_RENDER_TARGET, kWidth, kHeight, 1));
    note("create 0 -> {}", create(0, VIRGL_RES_BIND_RENDER_TARGET) != 0);
    auto pixels = pattern();
    const size_t half = pixels.size() * 2;
    auto* bytes = reinterpret_cast<char*>(pixels.data());
    std::array<iovec, 2> backing{iovec{bytes, half}, iovec{bytes + half, half}};
    note("attach_iov -> {}", CALL(resource_attach_iov)(2, backing.data(), 2));
    note_info(2);
    virgl_box all{0, 0, 0, kWidth, kHeight, 1};
    virgl_box part{8, 4, 0, 16, 8, 1};
    note("write -> {}", CALL(transfer_write_iov)(2, 0, 0, 0, 0, &all, 0, nullptr, 0));
    note("fence -> {}", CALL(create_fence)(1, 0));
    note("fence 1 came: {}", await_fence(1));

    std::vector<uint32_t> out(pixels.size(), 0);
    iovec to{out.data(), out.size() * 4};
    note("read -> {}", CALL(transfer_read_iov)(2, 0, 0, 0, 0, &all, 0, &to, 1));
    note("  pixels {:x}, as written: {}", digest(out), out == pixels);
    std::fill(out.begin(), out.end(), 0);
    note("read part -> {}", CALL(transfer_read_iov)(2, 0, 0, 0, 0, &part, 64, &to, 1));
    note("  pixels {:x}", digest(out));
    std::fill(out.begin(), out.end(), 0);
    CALL(get_rect)(2, &to, 1, 0, 3, 5, 20, 10);
    note("rect {:x}", digest(out));
    iovec tiny{out.data(), 16};
    note("read into too little -> {}",
         CALL(transfer_read_iov)(2, 0, 0, 0, 0, &all, 0, &tiny, 1) != 0);
    virgl_box outside{0, 0, 0, kWidth + 1, 1, 1};
    note("read outside -> {}", CALL(transfer_read_iov)(2, 0, 0, 0, 0, &outside, 0, &to, 1) != 0);

    note("cursor -> {}", create(3, VIRGL_RES_BIND_CURSOR, 64, 32));
    std::array<iovec, 1> cursor_backing{iovec{pixels.data(), size_t{64} * 32 * 4}};
    note("attach_iov -> {}", CALL(resource_attach_iov)(3, cursor_backing.data(), 1));
    virgl_box cursor_box{0, 0, 0, 64, 32, 1};
    note("write -> {}", CALL(transfer_write_iov)(3, 0, 0, 0, 0, &cursor_box, 0, nullptr, 0));
    uint32_t width = 0, height = 0;
    auto* cursor = static_cast<uint32_t*>(CALL(get_cursor_data)(3, &width, &height));
    note("cursor {}x{} {:x}", width, height, cursor ? digest({cursor, size_t{64} * 32}) : 0);
    std::free(cursor);

    iovec* back = nullptr;
    int count = 0;
    CALL(resource_detach_iov)(3, &back, &count);
    note("detach_iov: the same {} {}", back == cursor_backing.data(), count);
    CALL(resource_unref)(3);
    note_info(3);
}

// Commands of virgl's protocol: command, object type, words that follow.
constexpr uint32_t command(uint32_t id, uint32_t object, uint32_t length) {
    return id | object << 8 | length << 16;
}
constexpr uint32_t kCreateObject = 1, kSetFramebuffer = 5, kClear = 7, kSurface = 8;

void virgl_context() {
    note("context 1 -> {}", CALL(context_create)(1, 4, "test"));
    note("context 1 again -> {}", CALL(context_create_with_flags)(1, 2, 4, "test"));
    note("context 0 -> {}", CALL(context_create)(0, 4, "test") != 0);
    note("context of unknown kind -> {}", CALL(context_create_with_flags)(9, 77, 0, "") != 0);
    note("create 5 -> {}", create(5, VIRGL_RES_BIND_RENDER_TARGET | VIRGL_RES_BIND_SAMPLER_VIEW));
    CALL(ctx_attach_resource)(1, 5);
    CALL(ctx_attach_resource)(1, 5);
    CALL(ctx_attach_resource)(1, 99);
    const auto colour = [](float value) { return std::bit_cast<uint32_t>(value); };
    std::vector<uint32_t> commands = {command(kCreateObject, kSurface, 5),
                                      1,
                                      5,
                                      kFormatBgrx,
                                      0,
                                      0,
                                      command(kSetFramebuffer, 0, 3),
                                      1,
                                      0,
                                      1,
                                      command(kClear, 0, 8),
                                      1 << 2,
                                      colour(0.25f),
                                      colour(0.5f),
                                      colour(1.0f),
                                      colour(1.0f),
                                      0,
                                      0x3ff00000,
                                      0};
    note("submit -> {}", CALL(submit_cmd)(commands.data(), 1, static_cast<int>(commands.size())));
    note("submit to nobody -> {}", CALL(submit_cmd)(commands.data(), 7, 1));
    note("fence -> {}", CALL(create_fence)(2, 1));
    note("fence 2 came: {}", await_fence(2));
    std::vector<uint32_t> out(kWidth * kHeight, 0);
    iovec to{out.data(), out.size() * 4};
    virgl_box all{0, 0, 0, kWidth, kHeight, 1};
    note("read -> {}", CALL(transfer_read_iov)(5, 1, 0, kWidth * 4, 0, &all, 0, &to, 1));
    note("  first {:08x} pixels {:x}", out[0], digest(out));
    note_info(5);

    // A guest-memory blob becomes known to the context, and goes away again.
    iovec guest{out.data(), out.size() * 4};
    const virgl_renderer_resource_create_blob_args blob{6, 0, 1, 0, 0, out.size() * 4, &guest, 1};
    note("guest blob -> {}", CALL(resource_create_blob)(&blob));
    CALL(ctx_attach_resource)(1, 6);
    uint32_t info = 0;
    note("map info -> {} {}", CALL(resource_get_map_info)(6, &info), info);
    CALL(ctx_detach_resource)(1, 6);
    iovec* back = nullptr;
    int count = 0;
    CALL(resource_detach_iov)(6, &back, &count);
    note("detach_iov: the same {} {}", back == &guest, count);
    CALL(resource_unref)(6);

    std::vector<uint32_t> nonsense(4, command(200, 0, 3));
    note("nonsense -> {}", CALL(submit_cmd)(nonsense.data(), 1, 4) != 0);
    CALL(ctx_detach_resource)(1, 5);
    CALL(context_destroy)(1);
    CALL(context_destroy)(1);
    note("submit to the dead -> {}", CALL(submit_cmd)(commands.data(), 1, 1));
    CALL(resource_unref)(5);
}

enum class GlContexts { kOfTheLibrary, kOurs };

void session(int version, int flags, GlContexts contexts) {
    note("session: callbacks {} flags {:#x}", version, flags);
    g_fences.clear();
    virgl_renderer_callbacks table{};
    table.version = version;
    table.write_fence = write_fence;
    if (contexts == GlContexts::kOurs) viaduct::test::add_egl_callbacks(table);
    int cookie = 0;
    note("init -> {}", CALL(init)(&cookie, flags, &table));
    note("init again -> {}", CALL(init)(&cookie, flags, &table));
    CALL(force_ctx_0)();
    capsets("running");
    console();
    CALL(force_ctx_0)();
    virgl_context();
    CALL(reset)();
    note("init after reset -> {}", CALL(init)(&cookie, flags, &table));
    CALL(force_ctx_0)();
    note_info(2);
    note("create 2 -> {}", create(2, VIRGL_RES_BIND_RENDER_TARGET));
    CALL(cleanup)(&cookie);
}

// Venus runs in the library's own server process.
void venus_session() {
    constexpr int kFlags = VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_USE_SURFACELESS |
                           VIRGL_RENDERER_VENUS | VIRGL_RENDERER_RENDER_SERVER |
                           VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB;
    virgl_renderer_callbacks table{};
    table.version = 3;
    table.write_fence = write_fence;
    table.write_context_fence = write_context_fence;
    int cookie = 0;
    note("init -> {}", CALL(init)(&cookie, kFlags, &table));
    uint32_t version = 0, size = 0;
    CALL(get_cap_set)(4, &version, &size);
    std::vector<uint32_t> caps(1024, 0);
    CALL(fill_caps)(4, version, caps.data());
    note("capset 4 version {} size {} bytes {:x}", version, size, digest(caps));
    note("context -> {}", CALL(context_create_with_flags)(3, 4, 5, "venus"));
    note("fence -> {}", CALL(context_create_fence)(3, 0, 0, 11));
    note("fence 11 came: {}", await_fence(11));
    note("poll fd {}", CALL(context_get_poll_fd)(3) >= 0);
    iovec guest{caps.data(), 4096};
    const virgl_renderer_resource_create_blob_args blob{6, 0, 1, 0, 0, 4096, &guest, 1};
    note("guest blob -> {}", CALL(resource_create_blob)(&blob));
    CALL(ctx_attach_resource)(3, 6);
    CALL(ctx_detach_resource)(3, 6);
    CALL(resource_unref)(6);
    CALL(context_destroy)(3);
    CALL(cleanup)(&cookie);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    g_library = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!g_library) {
        fmt::print(stderr, "{}\n", ::dlerror());
        return 2;
    }
    const std::string_view kind = argv[2];
    if (kind == "venus") {
        venus_session();
        return 0;
    }
    for (const uint32_t set : {1u, 2u}) {
        uint32_t version = 99, size = 99;
        CALL(get_cap_set)(set, &version, &size);
        note("before init: capset {} version {} size {}", set, version, size);
    }
    constexpr int kHeadless = VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_USE_SURFACELESS;
    constexpr int kThreaded = VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB;
    if (kind == "callbacks") {
        session(3, 0, GlContexts::kOurs);          // QEMU 10
        session(4, kThreaded, GlContexts::kOurs);  // QEMU 11
    } else {
        session(2, kHeadless, GlContexts::kOfTheLibrary);
        session(4, kHeadless | kThreaded, GlContexts::kOfTheLibrary);
    }
    return 0;
}
