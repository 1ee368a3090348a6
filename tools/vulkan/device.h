// The Vulkan device that our guest programs compute on, and its queues.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/vulkan/owned.h"

namespace viaduct::vulkan {

enum class QueueKind { kGraphics, kCompute, kTransfer };
inline constexpr size_t kQueueKinds = 3;

/// How long a program waits for the GPU before it calls it stuck: generous, since a simulated GPU
/// under a sanitizer is slow.
inline constexpr uint64_t kPatienceNs = 120'000'000'000;

/// Features beyond those that every program here needs; enabled where supported.
struct Features {
    bool int64 = false;
    bool int16 = false;
    bool float16 = false;
    bool float64 = false;
    bool storage_16bit = false;
    bool timeline_semaphores = false;
    bool buffer_device_address = false;
    bool geometry_shaders = false;
    bool tessellation_shaders = false;
    bool transform_feedback = false;
};

/// Names as the driver reports them.
struct Identity {
    std::string device;   // "AMD Radeon Graphics (RADV RENOIR)"
    std::string driver;   // "radv"
    std::string version;  // "Mesa 25.0.7"
    VkDriverId driver_id{};
};

/// One opened device with a queue of every kind it has. Any thread may use it; a queue takes one
/// submission at a time.
class Device {
  public:
    /// Opens the first device that is no CPU, else the first. With VIADUCT_GUEST_DEVICE set: the
    /// first whose name contains it, and an Error if none does.
    Device();

    VkDevice get() const { return device_.get(); }
    VkPhysicalDevice physical() const { return physical_; }
    const Identity& identity() const { return identity_; }
    const Features& features() const { return features_; }
    bool has_extension(const char* name) const;

    bool has_queue(QueueKind kind) const { return family(kind).has_value(); }
    /// Error unless has_queue(kind).
    uint32_t queue_family(QueueKind kind) const;
    VkQueue queue(QueueKind kind) const;

    /// A memory type out of `allowed` (a mask) with all of `wanted`; Error if there is none.
    uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const;

    OwnedFence make_fence() const;
    OwnedSemaphore make_semaphore() const;
    OwnedSemaphore make_timeline_semaphore(uint64_t initial_value) const;
    /// Error VK_TIMEOUT after kPatienceNs.
    void wait(VkFence fence) const;

  private:
    struct DestroyInstance {
        void operator()(VkInstance instance) const { vkDestroyInstance(instance, nullptr); }
    };
    struct DestroyDevice {
        void operator()(VkDevice device) const;
    };

    std::optional<uint32_t> family(QueueKind kind) const {
        return families_[static_cast<size_t>(kind)];
    }
    void make_instance();
    void choose_physical();
    void identify();
    void find_queues();
    void open();

    std::unique_ptr<VkInstance_T, DestroyInstance> instance_;
    std::unique_ptr<VkDevice_T, DestroyDevice> device_;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    Identity identity_;
    Features features_;
    std::vector<std::string> extensions_;
    std::array<std::optional<uint32_t>, kQueueKinds> families_;
    VkPhysicalDeviceMemoryProperties memory_{};
};

}  // namespace viaduct::vulkan
