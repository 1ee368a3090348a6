#include "tools/vulkan/device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace viaduct::vulkan {

Error::Error(VkResult result, const std::string& call)
    : std::runtime_error(call + " failed: VkResult " + std::to_string(result)), result_(result) {}

void check(VkResult result, const char* call) {
    if (result != VK_SUCCESS) throw Error(result, call);
}

namespace {

// Offered to the programs where the driver has them.
constexpr const char* kWantedExtensions[] = {
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,   VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
    VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME,
    VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME,    VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME,
};

// The features that Features names, as a chain for vkGetPhysicalDeviceFeatures2 / vkCreateDevice.
struct FeatureChain {
    VkPhysicalDeviceVulkan12Features vulkan12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                              nullptr};
    VkPhysicalDeviceVulkan11Features vulkan11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                              &vulkan12};
    VkPhysicalDeviceTransformFeedbackFeaturesEXT feedback{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT, nullptr, VK_FALSE,
        VK_FALSE};
    VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &vulkan11, {}};
    explicit FeatureChain(bool has_feedback) {
        if (has_feedback) vulkan12.pNext = &feedback;
    }
    FeatureChain(const FeatureChain&) = delete;
    FeatureChain& operator=(const FeatureChain&) = delete;
};

std::vector<VkPhysicalDevice> physical_devices(VkInstance instance) {
    uint32_t count = 0;
    check(vkEnumeratePhysicalDevices(instance, &count, nullptr), "vkEnumeratePhysicalDevices");
    std::vector<VkPhysicalDevice> devices(count);
    check(vkEnumeratePhysicalDevices(instance, &count, devices.data()),
          "vkEnumeratePhysicalDevices");
    return devices;
}

VkPhysicalDeviceProperties properties_of(VkPhysicalDevice device) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    return properties;
}

std::vector<std::string> extensions_of(VkPhysicalDevice device) {
    uint32_t count = 0;
    check(vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
          "vkEnumerateDeviceExtensionProperties");
    std::vector<VkExtensionProperties> properties(count);
    check(vkEnumerateDeviceExtensionProperties(device, nullptr, &count, properties.data()),
          "vkEnumerateDeviceExtensionProperties");
    std::vector<std::string> names;
    for (const auto& property : properties) names.emplace_back(property.extensionName);
    return names;
}

}  // namespace

Device::Device() {
    make_instance();
    choose_physical();
    identify();
    find_queues();
    open();
}

void Device::DestroyDevice::operator()(VkDevice device) const {
    vkDeviceWaitIdle(device);
    vkDestroyDevice(device, nullptr);
}

void Device::make_instance() {
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.pApplicationName = "viaduct";
    application.apiVersion = VK_API_VERSION_1_2;
    VkInstanceCreateInfo create{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    create.pApplicationInfo = &application;
    VkInstance instance = VK_NULL_HANDLE;
    check(vkCreateInstance(&create, nullptr, &instance), "vkCreateInstance");
    instance_.reset(instance);
}

void Device::choose_physical() {
    const char* wanted = std::getenv("VIADUCT_GUEST_DEVICE");
    for (VkPhysicalDevice candidate : physical_devices(instance_.get())) {
        const VkPhysicalDeviceProperties properties = properties_of(candidate);
        if (wanted != nullptr) {
            if (std::strstr(properties.deviceName, wanted) == nullptr) continue;
            physical_ = candidate;
            return;
        }
        if (physical_ == VK_NULL_HANDLE) physical_ = candidate;
        if (properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU) {
            physical_ = candidate;
            return;
        }
    }
    if (physical_ == VK_NULL_HANDLE)
        throw Error(VK_ERROR_INITIALIZATION_FAILED,
                    std::string("looking for a Vulkan device") +
                        (wanted == nullptr ? "" : std::string(" called \"") + wanted + "\""));
}

void Device::identify() {
    VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 properties{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &driver, {}};
    vkGetPhysicalDeviceProperties2(physical_, &properties);
    identity_ = {properties.properties.deviceName, driver.driverName, driver.driverInfo,
                 driver.driverID};
    extensions_ = extensions_of(physical_);
    vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
}

// The family that does the least beyond the kind asked for: that is the hardware's own ring for it.
void Device::find_queues() {
    constexpr VkQueueFlags kMask =
        VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical_, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical_, &count, families.data());
    for (uint32_t i = 0; i < count; ++i) {
        // Graphics and compute imply transfer, whether or not the driver says so.
        const VkQueueFlags flags = families[i].queueFlags & kMask;
        QueueKind kind = QueueKind::kTransfer;
        if ((flags & VK_QUEUE_GRAPHICS_BIT) != 0) {
            kind = QueueKind::kGraphics;
        } else if ((flags & VK_QUEUE_COMPUTE_BIT) != 0) {
            kind = QueueKind::kCompute;
        } else if ((flags & VK_QUEUE_TRANSFER_BIT) == 0) {
            continue;
        }
        auto& slot = families_[static_cast<size_t>(kind)];
        if (!slot) slot = i;
    }
}

void Device::open() {
    const bool has_feedback = has_extension(VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME);
    FeatureChain offered(has_feedback);
    vkGetPhysicalDeviceFeatures2(physical_, &offered.core);
    features_ = {
        .int64 = offered.core.features.shaderInt64 != 0,
        .int16 = offered.core.features.shaderInt16 != 0,
        .float16 = offered.vulkan12.shaderFloat16 != 0,
        .float64 = offered.core.features.shaderFloat64 != 0,
        .storage_16bit = offered.vulkan11.storageBuffer16BitAccess != 0,
        .timeline_semaphores = offered.vulkan12.timelineSemaphore != 0,
        .buffer_device_address = offered.vulkan12.bufferDeviceAddress != 0,
        .geometry_shaders = offered.core.features.geometryShader != 0,
        .tessellation_shaders = offered.core.features.tessellationShader != 0,
        .transform_feedback = offered.feedback.transformFeedback != 0,
    };
    FeatureChain enabled(has_feedback);
    enabled.core.features.geometryShader = offered.core.features.geometryShader;
    enabled.core.features.tessellationShader = offered.core.features.tessellationShader;
    enabled.feedback.transformFeedback = offered.feedback.transformFeedback;
    enabled.core.features.shaderInt64 = offered.core.features.shaderInt64;
    enabled.core.features.shaderInt16 = offered.core.features.shaderInt16;
    enabled.core.features.shaderFloat64 = offered.core.features.shaderFloat64;
    enabled.vulkan11.storageBuffer16BitAccess = offered.vulkan11.storageBuffer16BitAccess;
    enabled.vulkan12.shaderFloat16 = offered.vulkan12.shaderFloat16;
    enabled.vulkan12.timelineSemaphore = offered.vulkan12.timelineSemaphore;
    enabled.vulkan12.bufferDeviceAddress = offered.vulkan12.bufferDeviceAddress;

    const float priority = 1.0F;
    std::vector<VkDeviceQueueCreateInfo> queues;
    for (const auto& family : families_) {
        if (!family) continue;
        VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
        queue.queueFamilyIndex = *family;
        queue.queueCount = 1;
        queue.pQueuePriorities = &priority;
        queues.push_back(queue);
    }
    std::vector<const char*> extensions;
    for (const char* name : kWantedExtensions)
        if (has_extension(name)) extensions.push_back(name);

    VkDeviceCreateInfo create{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &enabled.core};
    create.queueCreateInfoCount = static_cast<uint32_t>(queues.size());
    create.pQueueCreateInfos = queues.data();
    create.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();
    VkDevice device = VK_NULL_HANDLE;
    check(vkCreateDevice(physical_, &create, nullptr, &device), "vkCreateDevice");
    device_.reset(device);
}

bool Device::has_extension(const char* name) const {
    return std::find(extensions_.begin(), extensions_.end(), name) != extensions_.end();
}

uint32_t Device::queue_family(QueueKind kind) const {
    if (!has_queue(kind)) throw Error(VK_ERROR_FEATURE_NOT_PRESENT, "choosing a queue");
    return *family(kind);
}

VkQueue Device::queue(QueueKind kind) const {
    VkQueue queue = VK_NULL_HANDLE;
    vkGetDeviceQueue(get(), queue_family(kind), 0, &queue);
    return queue;
}

uint32_t Device::memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const {
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
        if ((allowed >> i & 1U) != 0 && (memory_.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    }
    throw Error(VK_ERROR_FEATURE_NOT_PRESENT, "choosing a memory type");
}

OwnedFence Device::make_fence() const {
    const VkFenceCreateInfo create{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    check(vkCreateFence(get(), &create, nullptr, &fence), "vkCreateFence");
    return {get(), fence};
}

OwnedSemaphore Device::make_semaphore() const {
    const VkSemaphoreCreateInfo create{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    VkSemaphore semaphore = VK_NULL_HANDLE;
    check(vkCreateSemaphore(get(), &create, nullptr, &semaphore), "vkCreateSemaphore");
    return {get(), semaphore};
}

OwnedSemaphore Device::make_timeline_semaphore(uint64_t initial_value) const {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    type.initialValue = initial_value;
    const VkSemaphoreCreateInfo create{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
    VkSemaphore semaphore = VK_NULL_HANDLE;
    check(vkCreateSemaphore(get(), &create, nullptr, &semaphore), "vkCreateSemaphore");
    return {get(), semaphore};
}

void Device::wait(VkFence fence) const {
    check(vkWaitForFences(get(), 1, &fence, VK_TRUE, kPatienceNs), "vkWaitForFences");
}

}  // namespace viaduct::vulkan
