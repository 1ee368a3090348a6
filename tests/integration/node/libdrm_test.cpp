// The first steps of drivers, with the system's own libdrm, on the preloaded simulated GPU.
#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace {

using viaduct::UniqueFd;

struct Expected {
    uint16_t device;
    uint32_t family;
};

const Expected& expected() {
    static constexpr Expected kRenoir{0x15e7, AMDGPU_FAMILY_RV};
    static constexpr Expected kVega10{0x687f, AMDGPU_FAMILY_AI};
    const char* model = ::getenv("VIADUCT_SIMGPU");
    return model != nullptr && std::string_view(model) == "vega10" ? kVega10 : kRenoir;
}

struct FreeDevice {
    void operator()(drmDevicePtr device) const { ::drmFreeDevice(&device); }
};
using Device = std::unique_ptr<drmDevice, FreeDevice>;

std::vector<Device> enumerate() {
    drmDevicePtr raw[16] = {};
    const int count = ::drmGetDevices2(0, raw, 16);
    std::vector<Device> devices;
    for (int i = 0; i < count; ++i) devices.emplace_back(raw[i]);
    return devices;
}

bool is_simulated(const drmDevice& device) {
    return device.bustype == DRM_BUS_PCI && device.deviceinfo.pci->vendor_id == 0x1002 &&
           device.deviceinfo.pci->device_id == expected().device;
}

class Libdrm : public testing::Test {
  protected:
    void SetUp() override {
        for (Device& device : enumerate())
            if (is_simulated(*device)) device_ = std::move(device);
        ASSERT_TRUE(device_) << "drmGetDevices2 does not list the device";
        fd_ = UniqueFd(::open(node(DRM_NODE_RENDER), O_RDWR | O_CLOEXEC));
        ASSERT_TRUE(fd_) << std::strerror(errno);
    }
    const char* node(int type) const { return device_->nodes[type]; }

    Device device_;
    UniqueFd fd_;
};

TEST_F(Libdrm, DeviceOfAnOpenNodeIsTheOneListed) {
    EXPECT_NE(device_->available_nodes & 1 << DRM_NODE_PRIMARY, 0);
    EXPECT_NE(device_->available_nodes & 1 << DRM_NODE_RENDER, 0);
    for (const char* path : {node(DRM_NODE_RENDER), node(DRM_NODE_PRIMARY)}) {
        const UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
        drmDevicePtr raw = nullptr;
        ASSERT_EQ(::drmGetDevice2(fd.get(), DRM_DEVICE_GET_PCI_REVISION, &raw), 0) << path;
        const Device device(raw);
        EXPECT_TRUE(::drmDevicesEqual(device.get(), device_.get()));
        EXPECT_NE(device->deviceinfo.pci->revision_id, 0);
        EXPECT_EQ(device->deviceinfo.pci->subvendor_id, 0x1002);
    }
}

TEST_F(Libdrm, VersionIsAmdgpus) {
    const std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version(::drmGetVersion(fd_.get()),
                                                                         drmFreeVersion);
    ASSERT_TRUE(version);
    EXPECT_STREQ(version->name, "amdgpu");
    EXPECT_EQ(version->version_major, 3);
}

TEST_F(Libdrm, NamesAndTypesOfNodes) {
    const auto name = [](char* text) {
        const std::string copy = text != nullptr ? text : "";
        ::free(text);
        return copy;
    };
    EXPECT_EQ(::drmGetNodeTypeFromFd(fd_.get()), DRM_NODE_RENDER);
    EXPECT_EQ(name(::drmGetRenderDeviceNameFromFd(fd_.get())), node(DRM_NODE_RENDER));
    EXPECT_EQ(name(::drmGetDeviceNameFromFd2(fd_.get())), node(DRM_NODE_RENDER));
    EXPECT_EQ(name(::drmGetPrimaryDeviceNameFromFd(fd_.get())), node(DRM_NODE_PRIMARY));
    const UniqueFd card(::open(node(DRM_NODE_PRIMARY), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::drmGetNodeTypeFromFd(card.get()), DRM_NODE_PRIMARY);
}

TEST_F(Libdrm, AmdgpuInitializesAndDescribesTheGpu) {
    uint32_t major = 0;
    uint32_t minor = 0;
    amdgpu_device_handle device = nullptr;
    ASSERT_EQ(::amdgpu_device_initialize(fd_.get(), &major, &minor, &device), 0);
    EXPECT_EQ(major, 3u);
    amdgpu_gpu_info info = {};
    ASSERT_EQ(::amdgpu_query_gpu_info(device, &info), 0);
    EXPECT_EQ(info.asic_id, expected().device);
    EXPECT_EQ(info.family_id, expected().family);
    // A second initialization, by the other node, is the same device to libdrm.
    const UniqueFd again(::open(node(DRM_NODE_RENDER), O_RDWR | O_CLOEXEC));
    amdgpu_device_handle same = nullptr;
    ASSERT_EQ(::amdgpu_device_initialize(again.get(), &major, &minor, &same), 0);
    EXPECT_EQ(device, same);
    ::amdgpu_device_deinitialize(same);
    ::amdgpu_device_deinitialize(device);
}

TEST_F(Libdrm, BuffersMapAndTravel) {
    uint32_t major = 0;
    uint32_t minor = 0;
    amdgpu_device_handle device = nullptr;
    ASSERT_EQ(::amdgpu_device_initialize(fd_.get(), &major, &minor, &device), 0);
    amdgpu_bo_alloc_request request = {};
    request.alloc_size = 64 * 1024;
    request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    amdgpu_bo_handle bo = nullptr;
    ASSERT_EQ(::amdgpu_bo_alloc(device, &request, &bo), 0);
    void* bytes = nullptr;
    ASSERT_EQ(::amdgpu_bo_cpu_map(bo, &bytes), 0);
    std::memset(bytes, 0x5a, request.alloc_size);
    uint32_t shared = 0;
    ASSERT_EQ(::amdgpu_bo_export(bo, amdgpu_bo_handle_type_dma_buf_fd, &shared), 0);
    const UniqueFd dma_buf(static_cast<int>(shared));
    EXPECT_EQ(::lseek(dma_buf.get(), 0, SEEK_END), 64 * 1024);
    uint8_t first = 0;
    EXPECT_EQ(::pread(dma_buf.get(), &first, 1, 1000), 1);
    EXPECT_EQ(first, 0x5a);
    amdgpu_bo_import_result imported = {};
    ASSERT_EQ(::amdgpu_bo_import(device, amdgpu_bo_handle_type_dma_buf_fd, shared, &imported), 0);
    EXPECT_EQ(imported.buf_handle, bo);
    ::amdgpu_bo_free(imported.buf_handle);
    EXPECT_EQ(::amdgpu_bo_cpu_unmap(bo), 0);
    ::amdgpu_bo_free(bo);
    ::amdgpu_device_deinitialize(device);
}

TEST_F(Libdrm, ForkedChildHasAWorkingDevice) {
    const pid_t child = ::fork();
    if (child == 0) {
        uint32_t major = 0;
        uint32_t minor = 0;
        amdgpu_device_handle device = nullptr;
        amdgpu_bo_alloc_request request = {};
        request.alloc_size = 4096;
        request.preferred_heap = AMDGPU_GEM_DOMAIN_VRAM;
        amdgpu_bo_handle bo = nullptr;
        void* bytes = nullptr;
        const bool works = ::amdgpu_device_initialize(fd_.get(), &major, &minor, &device) == 0 &&
                           ::amdgpu_bo_alloc(device, &request, &bo) == 0 &&
                           ::amdgpu_bo_cpu_map(bo, &bytes) == 0;
        if (works) std::memset(bytes, 1, request.alloc_size);
        ::_exit(works ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(Libdrm, TimeoutsOfJobsAreInSysfs) {
    std::ifstream file("/sys/module/amdgpu/parameters/lockup_timeout");
    std::string text;
    ASSERT_TRUE(std::getline(file, text));
    // As the GPU has it, which instrumented builds give more.
    const char* const hang = std::getenv("VIADUCT_SIMGPU_HANG_MS");
    const int timeout = hang ? std::stoi(hang) : 10'000;
    const std::string most = std::to_string(timeout);
    EXPECT_EQ(text, most + "," + std::to_string(6 * timeout) + "," + most + "," + most);
}

TEST_F(Libdrm, FdinfoNamesTheDriver) {
    const std::string path = "/proc/self/fdinfo/" + std::to_string(fd_.get());
    const std::unique_ptr<FILE, int (*)(FILE*)> file(::fopen(path.c_str(), "r"), ::fclose);
    ASSERT_TRUE(file);
    char text[4096] = {};
    ASSERT_GT(::fread(text, 1, sizeof text - 1, file.get()), 0u);
    EXPECT_NE(std::strstr(text, "pos:"), nullptr);
    EXPECT_NE(std::strstr(text, "drm-driver:\tamdgpu"), nullptr) << text;
    EXPECT_NE(std::strstr(text, "drm-client-id:"), nullptr) << text;
}

}  // namespace
