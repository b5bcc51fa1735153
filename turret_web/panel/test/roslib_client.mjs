// SPDX-License-Identifier: Apache-2.0
/**
 * Use a turret through npm's roslib under Node, as a stranger would, and print what happened as one line of JSON.
 * Run by turret_web/test/panel/test_roslib_client.py with the address of the bridge and the namespace.
 */

import { Action, Ros, Service, Topic } from 'roslib';

const [url, namespace] = process.argv.slice(2);
const STATUSES = 4;

const ros = new Ros();
const connected = new Promise((resolve, reject) => {
  ros.on('connection', resolve);
  ros.on('error', reject);
});

function topic(name, messageType, options = {}) {
  return new Topic({ ros, name: `${namespace}/${name}`, messageType, ...options });
}

/** Collect some messages of a topic with their times of arrival [ms]. */
function collect(source, count) {
  return new Promise((resolve) => {
    const messages = [];
    const take = (message) => {
      messages.push({ at: performance.now(), message });
      if (messages.length < count) return;
      source.unsubscribe(take);
      resolve(messages);
    };
    source.subscribe(take);
  });
}

function call(name, serviceType, request) {
  return new Promise((resolve) => {
    new Service({ ros, name, serviceType }).callService(
      request, (values) => resolve({ values }), (error) => resolve({ error }));
  });
}

function status(id) {
  return new Promise((resolve) => { ros.once(`status:${id}`, resolve); });
}

function home() {
  return new Promise((resolve) => {
    new Action({ ros, name: `${namespace}/gimbal/home`, actionType: 'turret_msgs/action/Home' }).sendGoal(
      { lease_id: 'not the operator' }, (result) => resolve({ result }), undefined, (error) => resolve({ error }));
  });
}

await ros.connect(url);
await connected;

const statuses = await collect(topic('status', 'turret_msgs/msg/TurretStatus'), STATUSES);
// One after the other: roslib hands whatever arrives on a topic to every Topic of that name.
const throttled = await collect(
  topic('joint_states', 'sensor_msgs/msg/JointState', { throttle_rate: 200, queue_length: 1 }), 4);
const cbor = await collect(topic('joint_states', 'sensor_msgs/msg/JointState', { compression: 'cbor' }), 1);
const services = await new Promise((resolve, reject) => { ros.getServices(resolve, reject); });
const refusal = await call(`${namespace}/safety/release_lease`, 'turret_msgs/srv/ReleaseLease', { lease_id: 'wrong' });
const missing = await call(`${namespace}/no/such_service`, 'std_srvs/srv/Trigger', {});
const error = status('forbidden');
ros.callOnConnection({
  op: 'advertise', id: 'forbidden', topic: `${namespace}/gimbal/command`, type: 'turret_msgs/msg/GimbalCommand',
});

console.log(JSON.stringify({
  sequence: statuses.map(({ message }) => message.seq),
  badge: statuses[0].message.backend,
  throttled_ms: throttled.slice(1).map(({ at }, i) => at - throttled[i].at),
  joints: cbor[0].message.name,
  cbor_position: { type: cbor[0].message.position.constructor.name, values: Array.from(cbor[0].message.position) },
  services,
  refusal,
  missing,
  error: await error,
  home: await home(),
}));
ros.close();
