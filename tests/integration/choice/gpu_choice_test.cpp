// The whole library, as QEMU calls it, on a machine with two GPUs: which one it takes, and what it
// logs about it.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "renderer/abi/virglrenderer.h"
#include "stub_egl.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kCapset = 6;
// As QEMU 11 passes them: DRM, ASYNC_FENCE_CB and THREAD_SYNC.
constexpr int kFlags =
    VIRGL_RENDERER_DRM | VIRGL_RENDERER_ASYNC_FENCE_CB | VIRGL_RENDERER_THREAD_SYNC;

struct Api {
    void* library = ::dlopen(OUR_LIBRARY, RTLD_NOW);
    template <typename F>
    F* find(F*, const char* name) const {
        return reinterpret_cast<F*>(::dlsym(library, name));
    }
};
#define CALL(name) (api().find(&(name), #name))
const Api& api() {
    static const Api it;
    return it;
}

/// The two simulated nodes: the machine's own, if it has any, come before them.
std::vector<std::string> simulated_nodes() {
    std::vector<std::string> nodes;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/dri"))
        if (entry.path().filename().native().starts_with("renderD")) nodes.push_back(entry.path());
    std::ranges::sort(nodes);
    if (nodes.size() > 2) nodes.erase(nodes.begin(), nodes.end() - 2);
    return nodes;
}

std::string primary_of(const std::string& render_node) {
    const int number = std::stoi(render_node.substr(render_node.find("renderD") + 7));
    return "/dev/dri/card" + std::to_string(number - 128);
}

class GpuChoice : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_NE(api().library, nullptr) << ::dlerror();
        nodes_ = simulated_nodes();
        ASSERT_EQ(nodes_.size(), 2u);
        ::unsetenv("VIADUCT_GPU");
        CALL(virgl_set_log_callback)
        (
            [](virgl_log_level_flags level, const char* message, void* self) {
                static_cast<GpuChoice*>(self)->lines_.push_back(std::to_string(level) + " " +
                                                                message);
            },
            this, nullptr);
        table_.version = 4;
        table_.write_fence = [](void*, uint32_t) {};
        table_.write_context_fence = [](void*, uint32_t, uint32_t, uint64_t) {};
    }
    void TearDown() override {
        CALL(virgl_renderer_cleanup)(this);
        CALL(virgl_set_log_callback)(nullptr, nullptr, nullptr);
        if (egl_library_) ::dlclose(egl_library_);
    }

    /// The VMM has loaded EGL, and shows guests' frames on this display.
    StubEgl& with_egl() {
        egl_library_ = ::dlopen(STUB_EGL, RTLD_NOW | RTLD_LOCAL);
        if (!egl_library_) throw std::runtime_error(::dlerror());
        auto* state = reinterpret_cast<StubEgl* (*)()>(::dlsym(egl_library_, "viaduct_stub_egl"));
        egl_ = state();
        *egl_ = {};
        egl_->display = &display_;
        with_display();
        return *egl_;
    }
    void with_display() {
        table_.get_egl_display = [](void* self) -> void* {
            return &static_cast<GpuChoice*>(self)->display_;
        };
    }

    /// As QEMU: the size of the capability set first, when it realises the device. Returns what
    /// guests are told of the GPU.
    wire::CapsetDrm start() {
        uint32_t version = 0, size = 0;
        CALL(virgl_renderer_get_cap_set)(kCapset, &version, &size);
        EXPECT_EQ(size, sizeof(wire::CapsetDrm));
        EXPECT_EQ(CALL(virgl_renderer_init)(this, kFlags, &table_), 0);
        wire::CapsetDrm capset{};
        CALL(virgl_renderer_fill_caps)(kCapset, 0, &capset);
        return capset;
    }
    /// The node that a context of the running library really has open.
    std::string node_of_a_context() {
        EXPECT_EQ(CALL(virgl_renderer_context_create_with_flags)(1, kCapset, 4, "test"), 0);
        struct stat open {};
        EXPECT_EQ(::fstat(CALL(virgl_renderer_get_dev_fd)(1), &open), 0);
        for (const std::string& node : nodes_) {
            struct stat path {};
            EXPECT_EQ(::stat(node.c_str(), &path), 0);
            if (path.st_rdev == open.st_rdev) return node;
        }
        return "none";
    }
    /// PCI device ids of simgpu's models.
    static constexpr uint32_t kRenoir = 0x15e7, kVega10 = 0x687f;
    static uint32_t model(const wire::CapsetDrm& capset) {
        return capset.member<wire::amdgpu::Capset>().gpu_info.asic_id;
    }

    std::vector<std::string> lines_with(const std::string& text) const {
        std::vector<std::string> found;
        std::ranges::copy_if(lines_, std::back_inserter(found), [&](const std::string& line) {
            return line.find(text) != std::string::npos;
        });
        return found;
    }
    /// Exactly one line names the GPU, and gives this reason.
    void expect_line(const std::string& node, const std::string& reason) const {
        const auto lines = lines_with("native contexts run on " + node + " (amdgpu): ");
        ASSERT_EQ(lines.size(), 1u) << testing::PrintToString(lines_);
        EXPECT_NE(lines[0].find(reason), std::string::npos) << lines[0];
        EXPECT_EQ(lines_with("native contexts run on").size(), lines_with("cross").size() + 1);
    }
    void expect_warning(bool expected) const {
        EXPECT_EQ(lines_with("frames cross from GPU to GPU").size(), expected ? 1u : 0u)
            << testing::PrintToString(lines_);
    }

    static const std::string& second_node(void* self) {
        return static_cast<GpuChoice*>(self)->nodes_[1];
    }

    std::vector<std::string> nodes_;
    std::vector<std::string> lines_;
    virgl_renderer_callbacks table_{};
    void* egl_library_ = nullptr;
    StubEgl* egl_ = nullptr;
    char display_ = 0;
};

TEST_F(GpuChoice, WithoutADisplayTheFirst) {
    EXPECT_EQ(model(start()), kRenoir);
    EXPECT_EQ(node_of_a_context(), nodes_[0]);
    expect_line(nodes_[0], "the first GPU that native contexts support");
    expect_warning(false);
}

TEST_F(GpuChoice, TheGpuOfTheVmmsDisplay) {
    with_egl().render_node = nodes_[1];
    EXPECT_EQ(model(start()), kVega10) << "and not what get_cap_set found before init";
    EXPECT_EQ(node_of_a_context(), nodes_[1]);
    expect_line(nodes_[1], "the VMM's display runs on it");
    expect_warning(false);
    EXPECT_EQ(egl_->errors, 0);
}

TEST_F(GpuChoice, TheFirstGpuIsTheDisplaysAndTheLineGivesThatReason) {
    with_egl().render_node = nodes_[0];
    EXPECT_EQ(model(start()), kRenoir);
    expect_line(nodes_[0], "the VMM's display runs on it");
    expect_warning(false);
}

TEST_F(GpuChoice, AnEglThatNamesOnlyThePrimaryNode) {
    StubEgl& egl = with_egl();
    egl.extensions = "EGL_EXT_device_drm";
    egl.primary_node = primary_of(nodes_[1]);
    EXPECT_EQ(model(start()), kVega10);
    expect_line(nodes_[1], "the VMM's display runs on it");
    EXPECT_EQ(egl.errors, 0) << "an EGL error is left in the VMM's thread";
}

TEST_F(GpuChoice, ADisplayOnAGpuWithoutNativeContextsIsWarnedOf) {
    with_egl().render_node = "/dev/null";
    EXPECT_EQ(model(start()), kRenoir);
    EXPECT_EQ(node_of_a_context(), nodes_[0]);
    expect_line(nodes_[0], "the first GPU that native contexts support");
    expect_warning(true);
}

TEST_F(GpuChoice, VIADUCT_GPUGoesBeforeTheDisplayAndIsWarnedOf) {
    with_egl().render_node = nodes_[0];
    ::setenv("VIADUCT_GPU", nodes_[1].c_str(), 1);
    EXPECT_EQ(model(start()), kVega10);
    expect_line(nodes_[1], "VIADUCT_GPU names it");
    expect_warning(true);
}

TEST_F(GpuChoice, VIADUCT_GPUByPciAddressIsTheSameGpu) {
    with_egl().render_node = nodes_[1];
    const auto pci = std::filesystem::read_symlink(
        "/sys/class/drm/" + std::filesystem::path(nodes_[1]).filename().native() + "/device");
    ::setenv("VIADUCT_GPU", ("pci:" + pci.filename().native()).c_str(), 1);
    EXPECT_EQ(model(start()), kVega10);
    expect_warning(false);
}

TEST_F(GpuChoice, TheVmmsDescriptorGoesFirst) {
    with_egl().render_node = nodes_[0];
    ::setenv("VIADUCT_GPU", nodes_[0].c_str(), 1);
    table_.get_drm_fd = [](void* self) {
        return ::open(second_node(self).c_str(), O_RDWR | O_CLOEXEC);
    };
    EXPECT_EQ(model(start()), kVega10);
    EXPECT_EQ(node_of_a_context(), nodes_[1]);
    EXPECT_EQ(lines_with("get_drm_fd").size(), 1u) << testing::PrintToString(lines_);
}

TEST_F(GpuChoice, AnEmbeddedSimulatedGpuIsNotWarnedOf) {
    with_egl().render_node = nodes_[0];
    ::setenv("VIADUCT_GPU", "sim:vega10", 1);
    EXPECT_EQ(model(start()), kVega10);
    EXPECT_EQ(lines_with("native contexts run on simulated vega10: VIADUCT_GPU names it").size(),
              1u);
    expect_warning(false);
}

// Each of these leaves the display's GPU unknown: the first one is taken, nothing fails.
TEST_F(GpuChoice, NoEglInTheVmm) {
    with_display();
    ASSERT_EQ(::dlopen("libEGL.so.1", RTLD_LAZY | RTLD_NOLOAD), nullptr);
    EXPECT_EQ(model(start()), kRenoir);
    EXPECT_EQ(::dlopen("libEGL.so.1", RTLD_LAZY | RTLD_NOLOAD), nullptr) << "loaded by the library";
    expect_warning(false);
}
TEST_F(GpuChoice, AnEglWithoutDeviceQuery) {
    with_egl().has_device_query = false;
    egl_->render_node = nodes_[1];
    EXPECT_EQ(model(start()), kRenoir);
    expect_warning(false);
}
TEST_F(GpuChoice, ADisplayOfAnotherEgl) {
    with_egl().render_node = nodes_[1];
    egl_->display = nullptr;
    EXPECT_EQ(model(start()), kRenoir);
    expect_warning(false);
}
TEST_F(GpuChoice, ADisplayThatDrawsInSoftware) {
    with_egl().extensions = "EGL_MESA_device_software";
    EXPECT_EQ(model(start()), kRenoir);
    EXPECT_EQ(egl_->errors, 0);
    expect_warning(false);
}
// A table of version 3 ends before get_egl_display.
TEST_F(GpuChoice, CallbacksOfVersion3HaveNoDisplay) {
    with_egl().render_node = nodes_[1];
    table_.version = 3;
    EXPECT_EQ(model(start()), kRenoir);
}

TEST_F(GpuChoice, ARebootOfTheGuestKeepsTheGpuAndIsSilent) {
    with_egl().render_node = nodes_[1];
    start();
    CALL(virgl_renderer_reset)();
    EXPECT_EQ(CALL(virgl_renderer_init)(this, kFlags, &table_), 0);
    EXPECT_EQ(node_of_a_context(), nodes_[1]);
    expect_line(nodes_[1], "the VMM's display runs on it");
}

}  // namespace
}  // namespace viaduct::test

// Each test in a process of its own: the library keeps what it found out before init.
int main(int count, char** arguments) {
    const bool one = count > 1;
    testing::InitGoogleTest(&count, arguments);
    if (one) return RUN_ALL_TESTS();
    const auto& suite = *testing::UnitTest::GetInstance()->GetTestSuite(0);
    int failed = 0;
    for (int i = 0; i < suite.total_test_count(); ++i) {
        const std::string filter =
            std::string("--gtest_filter=") + suite.name() + "." + suite.GetTestInfo(i)->name();
        char* child[] = {arguments[0], const_cast<char*>(filter.c_str()), nullptr};
        pid_t pid = 0;
        int status = 1;
        if (::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, child, environ) != 0 ||
            ::waitpid(pid, &status, 0) != pid || status != 0)
            ++failed;
    }
    return failed == 0 && suite.total_test_count() > 0 ? 0 : 1;
}
