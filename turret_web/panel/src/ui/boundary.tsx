// SPDX-License-Identifier: Apache-2.0
/** Keeps a fault in one part of the page from touching any other part. */

import { Component, type ComponentChildren, type VNode } from 'preact';

import { t } from '../text';
import { AppContext } from './app_context';

interface Props { name: string; children: ComponentChildren }

export class Part extends Component<Props, { failure: string }> {
  static override contextType = AppContext;
  override state = { failure: '' };

  override componentDidCatch(error: unknown): void {
    const failure = error instanceof Error ? error.message : String(error);
    this.setState({ failure });
    const app = this.context as { panel?: { notices: { failed(message: string): void } } } | null;
    app?.panel?.notices.failed(t.failure.part(this.props.name, failure));
  }

  override render(): VNode {
    const { failure } = this.state;
    if (failure === '') return <>{this.props.children}</>;
    return (
      <div class="failed-part" role="alert">
        <p><strong>{t.failure.part(this.props.name, failure)}</strong></p>
        <p class="quiet">{t.failure.others}</p>
        <button type="button" onClick={() => this.setState({ failure: '' })}>{t.failure.retry}</button>
      </div>
    );
  }
}
