// The traffic between native contexts and the classic renderer: which side gets which call, and
// how resources of one become known to the other.
#include <map>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

/// Accepts everything and writes it down.
struct FakeClassic : ClassicRenderer {
    void reset() override { log.push_back("reset"); }
    void poll() override { log.push_back("poll"); }
    int poll_fd() override { return 123; }
    bool create_fence(uint32_t id) override {
        log.push_back(fmt::format("fence {}", id));
        return true;
    }
    int context_create(ContextId id, uint32_t flags, std::string_view name) override {
        log.push_back(fmt::format("context {} {} {}", id, flags, name));
        return flags > 4 ? EINVAL : 0;
    }
    void context_destroy(ContextId id) override { log.push_back(fmt::format("destroy {}", id)); }
    int submit(ContextId id, void*, int ndw) override {
        log.push_back(fmt::format("submit {} {}", id, ndw));
        return 0;
    }
    int context_create_fence(ContextId ctx, uint32_t, RingIndex ring, FenceId id) override {
        log.push_back(fmt::format("fence {} {} {}", ctx, ring, id));
        return 0;
    }
    void attach_resource(ContextId ctx, ResourceId res) override {
        log.push_back(fmt::format("attach {} {}", ctx, res));
    }
    void detach_resource(ContextId ctx, ResourceId res) override {
        log.push_back(fmt::format("detach {} {}", ctx, res));
    }
    int resource_create(virgl_renderer_resource_create_args&, iovec*, uint32_t) override {
        return 0;
    }
    int create_blob(const virgl_renderer_resource_create_blob_args& args) override {
        log.push_back(
            fmt::format("blob {} mem {} iovecs {}", args.res_handle, args.blob_mem, args.num_iovs));
        return 0;
    }
    int import_blob(const virgl_renderer_resource_import_blob_args& args) override {
        log.push_back(
            fmt::format("import {} type {} size {}", args.res_handle, args.fd_type, args.size));
        if (refuse_imports) return -EINVAL;
        imports[ResourceId(args.res_handle)] = UniqueFd(args.fd);
        return 0;
    }
    void unref(ResourceId res) override {
        log.push_back(fmt::format("unref {}", res));
        imports.erase(res);
    }
    void detach_iov(ResourceId res, iovec**, int*) override {
        log.push_back(fmt::format("detach_iov {}", res));
    }
    int export_blob(ResourceId, uint32_t* type, int* fd) override {
        *type = VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF;
        *fd = create_sealed_memfd("classic", 4096)->release();
        return 0;
    }
    int map_fixed(ResourceId, void*) override { return -EOPNOTSUPP; }

    std::vector<std::string> take() { return std::exchange(log, {}); }
    std::vector<std::string> log;
    std::map<ResourceId, UniqueFd> imports;
    bool refuse_imports = false;
};

struct FakeProvider : ClassicProvider {
    CapsetInfo capset(uint32_t set) override {
        return set == 2 ? CapsetInfo{2, 1000} : CapsetInfo{};
    }
    Result<std::unique_ptr<ClassicRenderer>> start(const InitRequest& request) override {
        if (error) return fail(error, "told to fail");
        fences = request.fences;
        auto made = std::make_unique<FakeClassic>();
        classic = made.get();
        return made;
    }
    int error = 0;
    FakeClassic* classic = nullptr;
    FenceRelay* fences = nullptr;
};

using Lines = std::vector<std::string>;

class ClassicLink : public Vmm {
  protected:
    ClassicLink() {
        auto made = std::make_unique<FakeProvider>();
        provider = made.get();
        replace_instance(std::make_unique<Renderer>(gpu.factory(), std::move(made)));
    }
    void start(int flags = kDrmFlags) {
        ASSERT_EQ(init(flags), 0);
        ASSERT_EQ(native_context(1), 0);
        ASSERT_EQ(virgl_renderer_context_create(2, 5, "virgl"), 0);
        EXPECT_EQ(classic().take(), Lines{"context 2 2 virgl"});
    }
    FakeClassic& classic() { return *provider->classic; }
    FakeProvider* provider = nullptr;
};

TEST_F(ClassicLink, AFailingStartFailsInitAndLeavesNothing) {
    provider->error = -7;
    EXPECT_EQ(init(), -7);
    EXPECT_EQ(gpu.hosts_alive, 0);
    EXPECT_EQ(native_context(1), EINVAL);
    provider->error = 0;
    EXPECT_EQ(init(), 0);
}

TEST_F(ClassicLink, EachContextHasOneHome) {
    start();
    uint32_t word = 0;
    EXPECT_EQ(virgl_renderer_submit_cmd(&word, 1, 1), 0);
    EXPECT_EQ(virgl_renderer_submit_cmd(&word, 2, 1), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 8), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(2, 0, 1, 9), 0);
    EXPECT_EQ(classic().take(), (Lines{"submit 2 1", "fence 2 1 9"}));
    EXPECT_EQ(gpu.context(1).submissions.size(), 1u);
    EXPECT_EQ(gpu.fences.size(), 1u);
    EXPECT_EQ(virgl_renderer_context_create_with_flags(3, 5, 0, nullptr), EINVAL)
        << "the classic side refuses";
    EXPECT_EQ(virgl_renderer_get_poll_fd(), 123);
    EXPECT_EQ(virgl_renderer_get_dev_fd(2), -ENODEV);
    virgl_renderer_context_destroy(2);
    virgl_renderer_context_destroy(1);
    EXPECT_EQ(classic().take(), (Lines{"context 3 5 ", "destroy 2"}));
}

TEST_F(ClassicLink, ItsFencesKeepThePollRuleToo) {
    ASSERT_EQ(init(0), 0);
    EXPECT_EQ(virgl_renderer_create_fence(4, 0), 0);
    provider->fences->global_retired(4);
    EXPECT_TRUE(seen.fences.empty());
    virgl_renderer_poll();
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{4});
}

TEST_F(ClassicLink, OurResourcesAreImportedWhenAVirglContextAttachesThem) {
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    ASSERT_EQ(host_blob(6, 1, 8, 4096), 0);  // opaque: exported for this
    std::vector<char> memory(4096);
    const iovec entry{memory.data(), memory.size()};
    const virgl_renderer_resource_create_blob_args guest{7, 0, 1, 0, 0, 4096, &entry, 1};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&guest), 0);
    EXPECT_EQ(classic().take(), Lines{}) << "not before it is needed";

    for (const int resource : {5, 6, 7, 5}) virgl_renderer_ctx_attach_resource(2, resource);
    EXPECT_EQ(classic().take(),
              (Lines{"import 5 type 1 size 8192", "attach 2 5", "import 6 type 1 size 4096",
                     "attach 2 6", "blob 7 mem 1 iovecs 1", "attach 2 7", "attach 2 5"}));
    virgl_renderer_ctx_detach_resource(2, 5);
    virgl_renderer_resource_detach_iov(7, nullptr, nullptr);
    for (const uint32_t resource : {5u, 6u, 7u}) virgl_renderer_resource_unref(resource);
    EXPECT_EQ(classic().take(),
              (Lines{"detach 2 5", "detach_iov 7", "unref 5", "unref 6", "unref 7"}));
    EXPECT_TRUE(classic().imports.empty());
}

TEST_F(ClassicLink, ARefusedImportIsHarmless) {
    start();
    classic().refuse_imports = true;
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    virgl_renderer_ctx_attach_resource(2, 5);
    virgl_renderer_ctx_detach_resource(2, 5);
    virgl_renderer_resource_unref(5);
    EXPECT_EQ(classic().take(), Lines{"import 5 type 1 size 8192"});
}

TEST_F(ClassicLink, ClassicResourcesAreImportedIntoNativeContexts) {
    start();
    virgl_renderer_resource_create_args args{9, 2, 2, 2, 64, 64, 1, 1, 0, 0, 0};
    ASSERT_EQ(virgl_renderer_resource_create(&args, nullptr, 0), 0);
    virgl_renderer_ctx_attach_resource(1, 9);
    EXPECT_TRUE(gpu.context(1).attached.contains(ResourceId(9)));
    virgl_renderer_resource_unref(9);
    EXPECT_EQ(gpu.context(1).detached, std::vector{ResourceId(9)});
}

TEST_F(ClassicLink, BlobsOfVirglContextsLiveThere) {
    start();
    ASSERT_EQ(host_blob(5, 2, 77, 4096), 0);
    EXPECT_EQ(classic().take(), Lines{"blob 5 mem 2 iovecs 0"});
    char page[64];
    EXPECT_EQ(virgl_renderer_resource_map_fixed(5, page), -EOPNOTSUPP);
    EXPECT_EQ(host_blob(5, 1, 0, 4096), -EINVAL);
    virgl_renderer_resource_unref(5);
    EXPECT_EQ(classic().take(), Lines{"unref 5"});
}

TEST_F(ClassicLink, ResetReachesIt) {
    start();
    virgl_renderer_resource_create_args args{9, 2, 2, 2, 64, 64, 1, 1, 0, 0, 0};
    ASSERT_EQ(virgl_renderer_resource_create(&args, nullptr, 0), 0);
    virgl_renderer_reset();
    EXPECT_EQ(classic().take(), (Lines{"destroy 2", "unref 9", "reset"}));
}

}  // namespace
}  // namespace viaduct::test
