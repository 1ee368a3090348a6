// Which library serves virgl, Venus and 2D, what it is told, and what happens when it cannot.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "stub_library.h"
#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

void* make_gl_context(void*, int, virgl_renderer_gl_ctx_param* param) {
    static virgl_renderer_gl_ctx_param seen;
    seen = *param;
    return &seen;
}
void drop_gl_context(void*, void*) {}
int make_current(void*, int, void*) {
    return 0;
}

class Handover : public Vmm {
  protected:
    Handover() {
        callbacks.create_gl_context = make_gl_context;
        callbacks.destroy_gl_context = drop_gl_context;
        callbacks.make_current = make_current;
    }
    ~Handover() override {
        replace_instance(nullptr);
        if (stub) *stub = {};
        ::unsetenv("VIADUCT_SYSTEM_VIRGLRENDERER");
    }

    /// From now on `library` is the system's.
    void use(const char* library) {
        ::setenv("VIADUCT_SYSTEM_VIRGLRENDERER", library, 1);
        replace_instance(std::make_unique<Renderer>(gpu.factory(), default_classic_provider()));
        if (void* handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL))
            stub = static_cast<Stub*>(::dlsym(handle, "stub"));
        if (stub) *stub = {};
    }
    static uint32_t capset_size(uint32_t set) {
        uint32_t version = 0, size = 0;
        virgl_renderer_get_cap_set(set, &version, &size);
        return size;
    }
    static int create_2d(uint32_t id) {
        virgl_renderer_resource_create_args args{id, 2, 2, 2, 8, 8, 1, 1, 0, 0, 0};
        return virgl_renderer_resource_create(&args, nullptr, 0);
    }

    Stub* stub = nullptr;
};

TEST_F(Handover, NativeContextsAreNotItsBusiness) {
    use(STUB_LIBRARY);
    EXPECT_EQ(capset_size(2), 102u) << "before init";
    EXPECT_EQ(capset_size(6), 592u);
    for (const uint32_t set : {0u, 3u, 5u, 77u}) EXPECT_EQ(capset_size(set), 0u);
    ASSERT_EQ(init(0x502), 0);
    EXPECT_EQ(stub->last_flags, 0x102);
    EXPECT_EQ(capset_size(2), 102u);
    virgl_renderer_cleanup(nullptr);
    EXPECT_EQ(stub->cleanups, 1);
}

TEST_F(Handover, ItIsLeftAloneWhenNobodyWantsIt) {
    use(STUB_LIBRARY);
    ASSERT_EQ(init(0x583), 0) << "EGL, but NO_VIRGL and no Venus";
    EXPECT_EQ(stub->inits, 0);
    EXPECT_EQ(create_2d(1), 0) << "software";
}

// The library would call the null pointers.
TEST_F(Handover, VirglIsLeftOutWithoutAWayToMakeGlContexts) {
    use(STUB_LIBRARY);
    callbacks.make_current = nullptr;
    ASSERT_EQ(init(0), 0);
    EXPECT_EQ(stub->inits, 0);
    virgl_renderer_cleanup(nullptr);
    ASSERT_EQ(init(VIRGL_RENDERER_VENUS | VIRGL_RENDERER_RENDER_SERVER), 0);
    EXPECT_EQ(stub->last_flags, 0x240 | VIRGL_RENDERER_NO_VIRGL);
    virgl_renderer_cleanup(nullptr);
    ASSERT_EQ(init(VIRGL_RENDERER_USE_EGL), 0);
    EXPECT_EQ(stub->last_flags, VIRGL_RENDERER_USE_EGL);
}

TEST_F(Handover, VenusIsGivenUpBeforeVirgl) {
    use(STUB_LIBRARY);
    stub->init_fails_with_any_of = VIRGL_RENDERER_VENUS;
    ASSERT_EQ(init(0x342), 0);
    EXPECT_EQ(stub->inits, 2);
    EXPECT_EQ(stub->last_flags, 0x102);
    EXPECT_EQ(capset_size(2), 102u);
    EXPECT_EQ(capset_size(4), 0u);
}

TEST_F(Handover, SoftwareIsTheLastResort) {
    use(STUB_LIBRARY);
    stub->init_fails_with_any_of = -1;
    ASSERT_EQ(init(0x342), 0) << "a VMM without its GPU device has not even a console";
    for (const uint32_t set : {1u, 2u, 4u}) EXPECT_EQ(capset_size(set), 0u);
    EXPECT_EQ(virgl_renderer_context_create(1, 0, nullptr), EINVAL);
    EXPECT_EQ(create_2d(1), 0);
    virgl_renderer_cleanup(nullptr);
    EXPECT_EQ(stub->cleanups, 0) << "it never ran";
    stub->init_fails_with_any_of = 0;
    ASSERT_EQ(init(0x342), 0);
    EXPECT_EQ(capset_size(2), 102u) << "back again";
}

TEST_F(Handover, ItsCallbacksLeadToTheVmms) {
    use(STUB_LIBRARY);
    callbacks.get_drm_fd = get_drm_fd;
    ASSERT_EQ(init(VIRGL_RENDERER_ASYNC_FENCE_CB), 0);
    const auto* table = stub->table;
    ASSERT_NE(table, &callbacks);
    EXPECT_EQ(table->version, 4);
    table->write_fence(stub->cookie, 5);
    table->write_context_fence(stub->cookie, 2, 3, 4);
    EXPECT_EQ(table->get_drm_fd(stub->cookie), -1);
    EXPECT_EQ(table->get_server_fd, nullptr);
    EXPECT_EQ(table->get_egl_display, nullptr);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{5});
    EXPECT_EQ(seen.context_fences.size(), 1u);
    EXPECT_EQ(seen.drm_fds, 1);
    virgl_renderer_gl_ctx_param param{2, true, 4, 5, 6};
    const auto* got = static_cast<const virgl_renderer_gl_ctx_param*>(
        table->create_gl_context(stub->cookie, 0, &param));
    EXPECT_EQ(got->major_ver, 4);
    EXPECT_EQ(got->compat_ctx, 6);
}

// Its thread for them ends with a reset, and the guest would wait for ever.
TEST_F(Handover, FencesAfterAResetRetireAtOnce) {
    use(STUB_LIBRARY);
    ASSERT_EQ(init(VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB), 0);
    EXPECT_EQ(virgl_renderer_create_fence(5, 0), 0);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>()) << "the library's to report";
    virgl_renderer_reset();
    EXPECT_EQ(virgl_renderer_create_fence(6, 0), 0);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{6});
    virgl_renderer_cleanup(nullptr);
    ASSERT_EQ(init(VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB), 0);
    EXPECT_EQ(virgl_renderer_create_fence(7, 0), 0);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{6}) << "a new thread";
}

TEST_F(Handover, ATableOfVersionOneHasNothingElse) {
    use(STUB_LIBRARY);
    callbacks.version = 1;
    callbacks.get_drm_fd = get_drm_fd;
    ASSERT_EQ(init(0), 0);
    EXPECT_EQ(stub->table->version, 1);
    EXPECT_EQ(stub->table->get_drm_fd, nullptr);
    EXPECT_EQ(stub->table->write_context_fence, nullptr);
}

TEST_F(Handover, ReleasesBefore10HaveOtherStructures) {
    use(STUB_LIBRARY_OLD);
    ASSERT_EQ(init(0), 0);
    ASSERT_EQ(create_2d(9), 0);
    virgl_renderer_resource_info_ext info;
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(9, &info), 0);
    EXPECT_EQ(info.base.handle, 9u);
    EXPECT_EQ(info.base.width, 0x11111111u);
    EXPECT_EQ(info.base.fd, -1) << "a member that it does not know";
    EXPECT_EQ(info.planes, 0);
    uint32_t type = 0;
    int fd = 0;
    EXPECT_EQ(virgl_renderer_resource_export_blob(9, &type, &fd), -ENOMEM) << "sign of today";
    EXPECT_EQ(virgl_renderer_export_fence(1, &fd), -EINVAL);
    EXPECT_EQ(stub->last_export_fence, 1);
    EXPECT_EQ(virgl_renderer_export_fence(1ull << 32, &fd), -EINVAL);
    EXPECT_EQ(stub->last_export_fence, 1) << "would be taken for another id";
    EXPECT_EQ(virgl_renderer_resource_map_fixed(9, &type), -EOPNOTSUPP);

    // 16 bytes of parameters, at the end of a page's worth of nothing.
    struct {
        int version = 1;
        bool shared = false;
        int major = 3;
        int minor = 1;
    } small;
    const auto* got =
        static_cast<const virgl_renderer_gl_ctx_param*>(stub->table->create_gl_context(
            stub->cookie, 0, reinterpret_cast<virgl_renderer_gl_ctx_param*>(&small)));
    EXPECT_EQ(got->major_ver, 3);
    EXPECT_EQ(got->compat_ctx, 0);
}

TEST_F(Handover, TodaysReleasesSayMore) {
    std::vector<std::string> lines;
    virgl_set_log_callback(
        [](virgl_log_level_flags, const char* text, void* data) {
            static_cast<std::vector<std::string>*>(data)->emplace_back(text);
        },
        &lines, nullptr);
    use(STUB_LIBRARY);
    ASSERT_EQ(init(0), 0);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    EXPECT_NE(std::find(lines.begin(), lines.end(), "virglrenderer: the stub is here"),
              lines.end());
    ASSERT_EQ(create_2d(9), 0);
    virgl_renderer_resource_info_ext info;
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(9, &info), 0);
    EXPECT_EQ(info.base.width, 77u);
    EXPECT_EQ(info.planes, 2);
}

TEST_F(Handover, AGuestThatUsesVirglInsteadOfNativeContextsIsNotedOnce) {
    for (const int flags : {0, VIRGL_RENDERER_DRM | VIRGL_RENDERER_ASYNC_FENCE_CB}) {
        std::vector<std::string> lines;
        use(STUB_LIBRARY);
        ASSERT_EQ(init(flags), 0);
        virgl_set_log_callback(
            [](virgl_log_level_flags, const char* text, void* data) {
                static_cast<std::vector<std::string>*>(data)->emplace_back(text);
            },
            &lines, nullptr);
        uint32_t words[1] = {};
        ASSERT_EQ(virgl_renderer_context_create(1, 7, "console"), 0);
        for (uint32_t context : {2u, 3u}) {
            ASSERT_EQ(virgl_renderer_context_create_with_flags(context, 2, 8, "glxgears"), 0);
            virgl_renderer_submit_cmd(words, static_cast<int>(context), 1);
        }
        virgl_set_log_callback(nullptr, nullptr, nullptr);
        ASSERT_EQ(lines.size(), flags ? 1u : 0u);
        if (flags) {
            EXPECT_NE(lines[0].find("\"glxgears\" uses virgl"), std::string::npos) << lines[0];
        }
    }
}

TEST_F(Handover, UnusableLibrariesAreRefusedWithOneLine) {
    for (const char* library : {STUB_LIBRARY_BROKEN, "/nowhere/libvirglrenderer.so.1", "/dev/null",
                                OUR_LIBRARY, "none"}) {
        std::vector<std::string> lines;
        virgl_set_log_callback(
            [](virgl_log_level_flags, const char* text, void* data) {
                static_cast<std::vector<std::string>*>(data)->emplace_back(text);
            },
            &lines, nullptr);
        ::setenv("VIADUCT_SYSTEM_VIRGLRENDERER", library, 1);
        replace_instance(std::make_unique<Renderer>(gpu.factory(), default_classic_provider()));
        EXPECT_EQ(capset_size(2), 0u) << library;
        ASSERT_EQ(init(0), 0) << library;
        EXPECT_EQ(create_2d(1), 0) << library;
        virgl_set_log_callback(nullptr, nullptr, nullptr);
        ASSERT_EQ(lines.size(), 1u) << library;
        EXPECT_NE(lines[0].find(library), std::string::npos) << lines[0];
    }
}

}  // namespace
}  // namespace viaduct::test
